#include "config/loader.hpp"

#include <algorithm>

#include "config/connect_args.hpp"
#include "config/kinds.hpp"
#include "config/suggest.hpp"
#include "config/url.hpp"

namespace sluice::config {
namespace {

std::string kind_text(TreeNode::Kind kind) {
  switch (kind) {
    case TreeNode::Kind::null:
      return "nothing";
    case TreeNode::Kind::scalar:
      return "one value";
    case TreeNode::Kind::sequence:
      return "a list";
    case TreeNode::Kind::map:
      return "a map of keys and values";
  }
  return {};
}

}  // namespace

std::string Loader::at(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

const TreeNode* Loader::take(std::string_view name) {
  known_.emplace(name);
  const TreeNode* node = node_.find(name);
  if (node != nullptr) {
    report_.place(at(name), node->mark);
  }
  return node;
}

bool Loader::expect(const TreeNode& node, const std::string& path, TreeNode::Kind kind) {
  if (node.kind == kind) {
    return true;
  }
  report_.error(path, node.kind == TreeNode::Kind::null
                          ? "has no value; give it one or leave the key out"
                          : "must be " + kind_text(kind) + ", not " + kind_text(node.kind));
  return false;
}

bool Loader::check_name(const Entry& entry, const std::string& path) {
  std::string name;
  const auto why = Name{}.parse(entry.key, name);
  if (!why.empty()) {
    report_.error_at(entry.key_mark, path + ": the key " + quoted(entry.key) + " " + why);
  }
  return why.empty();
}

std::optional<Expansion> Loader::text_of(const TreeNode& node, const std::string& path) {
  if (!expect(node, path, TreeNode::Kind::scalar)) {
    return std::nullopt;
  }
  Expansion out = expand(node.text, options_.offline);
  for (const std::string& file : out.files) {
    report_.note_file(file);
  }
  for (const std::string& error : out.errors) {
    report_.error(path, error);
  }
  if (!out.errors.empty()) {
    return std::nullopt;
  }
  if (out.text.find('\0') != std::string::npos) {
    report_.error(path, "holds a NUL byte");
    return std::nullopt;
  }
  return out;
}

std::optional<Expansion> Loader::secret_of_file(const TreeNode& node, const std::string& path) {
  auto file_name = text_of(node, path);
  if (!file_name || !file_name->known || options_.offline) {
    if (file_name) {
      file_name->known = false;
    }
    return file_name;
  }
  FileText file = read_secret_file(file_name->text);
  report_.note_file(file_name->text);
  if (!file.error.empty()) {
    report_.error(path, file.error);
    return std::nullopt;
  }
  if (file.text.find('\0') != std::string::npos) {
    report_.error(path, "the file holds a NUL byte");
    return std::nullopt;
  }
  return Expansion{std::move(file.text), true, {}, {}};
}

// Whatever is wrong with it, a secret that was given counts as given.
void Loader::secret(std::string_view name, std::optional<std::string>& member, SecretForm form,
                    std::string_view /*help*/) {
  const std::string twin = std::string(name) + "_file";
  const TreeNode* node = take(name);
  const TreeNode* file = take(twin);
  if (node == nullptr && file == nullptr) {
    return;
  }
  const std::string path = at(node != nullptr ? name : twin);
  if (node != nullptr && file != nullptr) {
    report_.error(at(twin), "given twice, as " + std::string(name) + " and as " + twin);
  } else if (member) {
    report_.error(path, "given twice, here and in the url");
  }
  const auto text = node != nullptr ? text_of(*node, path) : secret_of_file(*file, path);
  member = text ? text->text : std::string();
  if (!text || !text->known) {
    report_.set_unknown(path);
  } else if (const auto why = check_secret(form, text->text); !why.empty()) {
    report_.error(path, why);
  }
}

void Loader::url(std::string_view name, Pool& pool, std::string_view /*help*/) {
  const TreeNode* node = take(name);
  if (node == nullptr) {
    report_.error(at(name), "is missing; it must be given");
    return;
  }
  const auto text = text_of(*node, at(name));
  if (!text) {
    report_.set_unknown(at(name));
    return;
  }
  if (!text->known && text->text.find("://") == std::string::npos) {
    report_.set_unknown(at(name));
    return;
  }
  PoolUrl url = parse_pool_url(text->text);
  if (!url.error.empty()) {
    report_.error(at(name), url.error);
    return;
  }
  pool.protocol = url.protocol;
  pool.addresses = std::move(url.addresses);
  pool.user = std::move(url.user);
  pool.database = std::move(url.database);
  pool.password = std::move(url.password);
  for (const auto& [key, value] : url.arguments) {
    argument(at(name), node->mark, pool, {key, value});
  }
}

void Loader::connect_args(std::string_view name, Pool& pool, std::string_view /*help*/) {
  const TreeNode* node = take(name);
  if (node == nullptr || !expect(*node, at(name), TreeNode::Kind::map)) {
    return;
  }
  for (const Entry& entry : node->entries) {
    if (!check_name(entry, at(name))) {
      continue;
    }
    const std::string path = at(name) + "." + entry.key;
    report_.place(path, entry.value->mark);
    const auto text = text_of(*entry.value, path);
    // Without the url the protocol is not known, and with it what is allowed.
    if (!text || !report_.given(at("url")) || report_.doubtful(at("url"))) {
      continue;
    }
    if (text->known) {
      argument(at(name), entry.value->mark, pool, {entry.key, text->text});
    }
  }
}

// A bad argument leaves the rest of the url, or of connect_args, as good as it was.
void Loader::argument(const std::string& path, Mark mark, Pool& pool,
                      const std::pair<std::string, std::string>& given) {
  const auto& [name, value] = given;
  std::string why;
  if (is_tls_argument(pool.protocol, name) && node_.find("tls") != nullptr) {
    why = "given twice, here and in tls";
  } else {
    why = apply_argument(pool, name, value);
  }
  if (!why.empty()) {
    report_.error_at(mark, path + ": " + quoted(name) + ": " + why);
  }
}

void Loader::later(std::string_view name, std::initializer_list<std::string_view> off) {
  const TreeNode* node = take(name);
  if (node == nullptr || node->kind == TreeNode::Kind::null) {
    return;
  }
  const bool is_off = node->kind == TreeNode::Kind::scalar
                          ? std::find(off.begin(), off.end(), node->text) != off.end()
                          : node->entries.empty();
  if (!is_off) {
    report_.error(at(name), "not supported yet");
  }
}

void Loader::finish() {
  const std::vector<std::string> names(known_.begin(), known_.end());
  for (const Entry& entry : node_.entries) {
    if (report_.full()) {
      return;
    }
    if (known_.contains(entry.key)) {
      continue;
    }
    std::string text = path_.empty() ? "" : path_ + ": ";
    text += "unknown key ";
    text += quoted(entry.key);
    text += entry.key == "<<" ? "; merge keys are not supported" : did_you_mean(entry.key, names);
    report_.error_at(entry.key_mark, text);
  }
}

}  // namespace sluice::config
