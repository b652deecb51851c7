#pragma once

// The visitor of fields.hpp that fills structs from a tree. One Loader per map of the file.

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

namespace sluice::config {

class Loader {
 public:
  // All are borrowed; `node` is a map and stands at `path`, "" for the whole file.
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
      load_map(*node, at(name), member);
    }
  }

  template <typename T>
  void list(std::string_view name, std::vector<T>& members, std::string_view /*help*/) {
    const TreeNode* node = take(name);
    if (node == nullptr || !expect(*node, at(name), TreeNode::Kind::sequence)) {
      return;
    }
    members.reserve(node->entries.size());
    for (const Entry& entry : node->entries) {
      const std::string path = at(name) + "[" + std::to_string(members.size()) + "]";
      report_.place(path, entry.value->mark);
      load_map(*entry.value, path, members.emplace_back());
    }
  }

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
      load_map(*entry.value, path, member);
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
  void load_map(const TreeNode& node, const std::string& path, T& member) {
    if (expect(node, path, TreeNode::Kind::map)) {
      Loader inner(report_, options_, node, path);
      fields(inner, member);
      inner.finish();
    }
  }

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
