// Chains of middleware in the file: a list of names, each with its options.

#include <algorithm>

#include "config/loader.hpp"
#include "config/middleware_checks.hpp"
#include "config/middleware_fields.hpp"
#include "config/middleware_table.hpp"

namespace sluice::config {
namespace {

constexpr std::string_view kShapeText =
    "must be the name of a middleware, or a map of one name and its options";

// The index of its row; kMiddlewareCount when there is none.
std::size_t find_row(std::string_view name) {
  const auto& rows = middleware_rows();
  const auto found = std::find_if(rows.begin(), rows.end(),
                                  [&](const MiddlewareRow& row) { return row.name == name; });
  return static_cast<std::size_t>(found - rows.begin());
}

std::string unknown(std::string_view name) {
  std::vector<std::string> names;
  for (const MiddlewareRow& row : middleware_rows()) {
    names.emplace_back(row.name);
  }
  return ": there is no middleware " + quoted(name) + did_you_mean(name, names);
}

}  // namespace

void Loader::middleware(std::string_view name, std::vector<Middleware>& members,
                        std::string_view /*help*/) {
  const TreeNode* node = take(name);
  if (node == nullptr || !expect(*node, at(name), TreeNode::Kind::sequence)) {
    return;
  }
  members.reserve(node->entries.size());
  for (std::size_t i = 0; i < node->entries.size(); ++i) {
    const TreeNode& entry = *node->entries[i].value;
    const std::string path = at(name) + "[" + std::to_string(i) + "]";
    report_.place(path, entry.mark);
    load_middleware(entry, path, members);
  }
  if (members.size() != node->entries.size()) {
    report_.set_unknown(at(name));  // what is wrong has been told; the indices no longer agree
  }
}

void Loader::load_middleware(const TreeNode& node, const std::string& path,
                             std::vector<Middleware>& members) {
  const bool one = node.kind == TreeNode::Kind::map && node.entries.size() == 1;
  if (node.kind != TreeNode::Kind::scalar && !one) {
    std::string text(kShapeText);
    if (node.kind == TreeNode::Kind::map && node.entries.size() > 1) {
      text += "; options are indented further than the name that they belong to";
    }
    report_.error(path, text);
    return;
  }
  const std::string& name = one ? node.entries.front().key : node.text;
  const Mark mark = one ? node.entries.front().key_mark : node.mark;
  const std::size_t which = find_row(name);
  if (which == kMiddlewareCount) {
    report_.error_at(mark, path + unknown(name));
    return;
  }
  const std::string options_path = path + "." + name;
  const TreeNode* given = one ? node.entries.front().value.get() : nullptr;
  if (given != nullptr && given->kind == TreeNode::Kind::null) {
    given = nullptr;  // `- read_only:`
  }
  report_.place(options_path, given == nullptr ? mark : given->mark);
  Middleware& made = members.emplace_back();
  made.mark = mark;
  load_options(which, given, options_path, made.options);
  check_options(made.options, {options_path, options_.offline}, report_);
}

template <std::size_t I>
void Loader::load_options(std::size_t which, const TreeNode* given, const std::string& path,
                          MiddlewareOptions& options) {
  if constexpr (I < kMiddlewareCount) {
    if (which != I) {
      load_options<I + 1>(which, given, path, options);
      return;
    }
    auto& made = options.emplace<I>();
    using Options = std::remove_reference_t<decltype(made)>;
    const TreeNode none{.kind = kShape<Options>};
    load_struct(given != nullptr ? *given : none, path, made);
  }
}

}  // namespace sluice::config
