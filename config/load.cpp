#include "config/load.hpp"

#include <exception>
#include <utility>

#include "config/fields.hpp"
#include "config/loader.hpp"
#include "config/report.hpp"
#include "config/secret.hpp"
#include "config/validate.hpp"
#include "config/yaml_reader.hpp"

namespace sluice::config {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20U;

// What the structs promise beyond what is in the file.
void complete(Config& config) {
  for (User& user : config.users) {
    user.secret.known = true;
  }
  for (Route& route : config.routes) {
    const Pool* pool = config.find_pool(route.pool);
    if (!route.match.protocol && pool != nullptr) {
      route.match.protocol = pool->protocol;
    }
  }
}

void load(const std::string& text, const LoadOptions& options, Config& config, Report& report) {
  const TreePtr root = read_yaml(text, report);
  if (root == nullptr) {
    return;
  }
  report.place("", root->mark);
  if (root->kind != TreeNode::Kind::map) {
    report.error("", "the configuration must be a map of keys and values");
    return;
  }
  Loader loader(report, options, *root, "");
  fields(loader, config);
  loader.finish();
  validate(config, options, report);
  complete(config);
}

}  // namespace

Loaded load_text(const std::string& text, const std::string& file, const LoadOptions& options) {
  Report report(file);
  Loaded out;
  // yaml-cpp throws, and memory may run out: neither leaves this function.
  try {
    auto config = std::make_shared<Config>();
    load(text, options, *config, report);
    if (!report.failed()) {
      out.config = std::move(config);
    }
    out.problems = report.take();
    out.files = report.files();
  } catch (const std::exception&) {
    out = {nullptr, {{file, 0, 0, "the configuration cannot be loaded", false}}, {}};
  }
  return out;
}

Loaded load_file(const std::string& path, const LoadOptions& options) {
  const FileText file = read_file(path, kMaxFile);
  if (!file.error.empty()) {
    return {nullptr, {{path, 0, 0, file.error, false}}, {path}};
  }
  Loaded out = load_text(file.text, path, options);
  out.files.push_back(path);
  return out;
}

}  // namespace sluice::config
