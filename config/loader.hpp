#pragma once

// The visitor of fields.hpp that fills structs from a tree. One Loader per struct in the file.

#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "config/load.hpp"
#include "config/node.hpp"
#include "config/report.hpp"
#include "config/secret.hpp"
#include "config/suggest.hpp"

namespace sluice::config {

// What stands in the file for a struct.
template <typename T>
inline constexpr TreeNode::Kind kShape = TreeNode::Kind::map;
template <>
inline constexpr TreeNode::Kind kShape<StatementRules> = TreeNode::Kind::sequence;

class Loader {
 public:
  // All are borrowed; `node` has the shape of the struct and stands at `path`, "" for the whole
  // file.
  Loader(Report& report, const LoadOptions& options, const TreeNode& node, std::string path)
      : report_(report), options_(options), node_(node), path_(std::move(path)) {}

  template <typename T, typename K>
  void option(std::string_view name, T& member, const K& kind, std::string_view /*help*/) {
    read(name, member, kind);
  }

  template <typename T, typename K>
  void required(std::string_view name, T& member, const K& kind, std::string_view /*help*/) {
    if (!read(name, member, kind)) {
      report_.error(at(name), "is missing; it must be given");
    }
  }

  template <typename T>
  void group(std::string_view name, T& member, std::string_view /*help*/) {
    if (const TreeNode* node = take(name)) {
      load_struct(*node, at(name), member);
    }
  }

  template <typename T>
  void list(std::string_view name, std::vector<T>& members, std::string_view /*help*/) {
    const TreeNode* node = take(name);
    if (node != nullptr && expect(*node, at(name), TreeNode::Kind::sequence)) {
      load_list(*node, at(name), members);
    }
  }

  template <typename T>
  void items(std::vector<T>& members, std::string_view /*help*/) {
    load_list(node_, path_, members);
    known_.emplace();  // the key of what stands in a list
  }

  template <typename K, typename W>
  void entries(TextPairs& members, const K& key, const W& value, std::string_view /*help*/) {
    load_pairs(node_, path_, members, key, value);
    for (const Entry& entry : node_.entries) {
      known_.insert(entry.key);
    }
  }

  template <typename K, typename W>
  void pairs(std::string_view name, TextPairs& members, const K& key, const W& value,
             std::string_view /*help*/) {
    const TreeNode* node = take(name);
    if (node != nullptr && expect(*node, at(name), TreeNode::Kind::map)) {
      load_pairs(*node, at(name), members, key, value);
    }
  }

  void middleware(std::string_view name, std::vector<Middleware>& members, std::string_view help);

  template <typename T>
  void named(std::string_view name, std::vector<T>& members, std::string_view /*help*/) {
    const TreeNode* node = take(name);
    if (node == nullptr || !expect(*node, at(name), TreeNode::Kind::map)) {
      return;
    }
    members.reserve(node->entries.size());
    for (const Entry& entry : node->entries) {
      if (!check_name(entry, at(name))) {
        continue;
      }
      T& member = members.emplace_back();
      member.name = entry.key;
      const std::string path = at(name) + "." + entry.key;
      report_.place(path, entry.key_mark);
      load_struct(*entry.value, path, member);
    }
  }

  template <typename K>
  void texts(std::string_view name, std::vector<std::string>& members, const K& kind,
             std::string_view /*help*/) {
    const TreeNode* node = take(name);
    if (node == nullptr || !expect(*node, at(name), TreeNode::Kind::sequence)) {
      return;
    }
    for (const Entry& entry : node->entries) {
      const std::string path = at(name) + "[" + std::to_string(members.size()) + "]";
      report_.place(path, entry.value->mark);
      parse(*entry.value, path, members.emplace_back(), kind);
    }
  }

  void secret(std::string_view name, std::optional<std::string>& member, SecretForm form,
              std::string_view help);
  void url(std::string_view name, Pool& pool, std::string_view help);
  void connect_args(std::string_view name, Pool& pool, std::string_view help);
  void later(std::string_view name, std::initializer_list<std::string_view> off = {});

  // After all fields: what is left is not known.
  void finish();

 private:
  template <typename T, typename K>
  bool read(std::string_view name, T& member, const K& kind) {
    const TreeNode* node = take(name);
    if (node != nullptr) {
      parse(*node, at(name), member, kind);
    }
    return node != nullptr;
  }

  // null is a value of an optional: not set.
  template <typename T, typename K>
  bool read(std::string_view name, std::optional<T>& member, const K& kind) {
    const TreeNode* node = take(name);
    if (node != nullptr && node->kind != TreeNode::Kind::null) {
      parse(*node, at(name), member.emplace(), kind);
    }
    return node != nullptr;
  }

  template <typename T, typename K>
  void parse(const TreeNode& node, const std::string& path, T& member, const K& kind) {
    const auto text = text_of(node, path);
    if (!text) {
      return;
    }
    if (!text->known) {
      report_.set_unknown(path);
    } else if (const auto why = kind.parse(text->text, member); !why.empty()) {
      report_.error(path, why);
    }
  }

  template <typename T>
  void load_struct(const TreeNode& node, const std::string& path, T& member) {
    if (expect(node, path, kShape<T>)) {
      Loader inner(report_, options_, node, path);
      fields(inner, member);
      inner.finish();
    }
  }

  template <typename T>
  void load_list(const TreeNode& node, const std::string& path, std::vector<T>& members) {
    members.reserve(node.entries.size());
    for (const Entry& entry : node.entries) {
      const std::string item = path + "[" + std::to_string(members.size()) + "]";
      report_.place(item, entry.value->mark);
      load_struct(*entry.value, item, members.emplace_back());
    }
  }

  template <typename K, typename W>
  void load_pairs(const TreeNode& node, const std::string& path, TextPairs& members, const K& key,
                  const W& value) {
    for (const Entry& entry : node.entries) {
      auto& [name, text] = members.emplace_back();
      if (const auto why = key.parse(entry.key, name); !why.empty()) {
        std::string said = path + ": the key ";
        said.append(quoted(entry.key)).append(" ").append(why);
        report_.error_at(entry.key_mark, said);
        report_.set_unknown(path);
        continue;
      }
      const std::string item = path + "." + entry.key;
      report_.place(item, entry.value->mark);
      parse(*entry.value, item, text, value);
    }
  }

  // One entry of a chain: `name`, or a map of one name and its options.
  void load_middleware(const TreeNode& node, const std::string& path,
                       std::vector<Middleware>& members);
  template <std::size_t I = 0>
  void load_options(std::size_t which, const TreeNode* given, const std::string& path,
                    MiddlewareOptions& options);

  std::string at(std::string_view name) const;
  // The value of a key, which is known from now on; null when it is not in the map.
  const TreeNode* take(std::string_view name);
  bool expect(const TreeNode& node, const std::string& path, TreeNode::Kind kind);
  bool check_name(const Entry& entry, const std::string& path);
  // Expanded; nothing after an error, which has been reported.
  std::optional<Expansion> text_of(const TreeNode& node, const std::string& path);
  std::optional<Expansion> secret_of_file(const TreeNode& node, const std::string& path);
  void argument(const std::string& path, Mark mark, Pool& pool,
                const std::pair<std::string, std::string>& given);

  Report& report_;
  const LoadOptions& options_;
  const TreeNode& node_;
  std::string path_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace sluice::config
