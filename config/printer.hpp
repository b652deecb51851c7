#pragma once

// The visitor of fields.hpp that prints a configuration as YAML, with every secret masked; on
// demand only what the file gives, and with where each value comes from behind it.

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/config.hpp"
#include "config/fields.hpp"
#include "config/middleware_table.hpp"
#include "config/node.hpp"
#include "config/origin.hpp"
#include "config/url.hpp"
#include "config/yaml_text.hpp"

namespace sluice::config {

class Printer {
 public:
  explicit Printer(std::size_t indent = 0, Given given = {}) : indent_(indent), given_(given) {}
  const std::string& text() const { return text_; }

  template <typename T, typename K>
  void option(std::string_view name, const T& member, const K& kind, std::string_view /*help*/) {
    if (const auto value = kind.print(member); !value.empty()) {
      const TreeNode* from = given_.find(name);
      value_line(name, yaml_text(unexpanded(value)), from == nullptr ? blamed(value) : from);
    }
  }
  template <typename T, typename K>
  void option(std::string_view name, const std::optional<T>& member, const K& kind,
              std::string_view help) {
    if (member) {
      option(name, *member, kind, help);
    }
  }
  template <typename T, typename K>
  void required(std::string_view name, const T& member, const K& kind, std::string_view help) {
    option(name, member, kind, help);
  }

  void secret(std::string_view name, const std::optional<std::string>& member, SecretForm /*form*/,
              std::string_view /*help*/) {
    if (!member) {
      return;
    }
    if (const TreeNode* file = given_.find(std::string(name) + "_file")) {
      value_line(name, kMask, file, true);
    } else {
      const TreeNode* from = given_.find(name);
      value_line(name, kMask, from == nullptr ? given_.find("url") : from);
    }
  }

  void url(std::string_view name, const Pool& pool, std::string_view /*help*/) {
    value_line(name, yaml_text(unexpanded(print_pool_url(pool))), given_.find(name));
  }

  // Their values may hold anything, a password in `options` for one: names only.
  void connect_args(std::string_view name, const Pool& pool, std::string_view /*help*/) {
    Printer inner(indent_ + 2, given_.at(name));
    const auto argument = [&](std::string_view key, const std::string& value, bool is_default) {
      const TreeNode* from = inner.given_.find(key);
      const TreeNode* blamed = is_default ? nullptr : given_.find("url");
      inner.value_line(key, value, from == nullptr ? blamed : from);
    };
    for (const auto& [key, value] : pool.connect_args) {
      argument(key, key == "options" ? std::string(kMask) : yaml_text(unexpanded(value)), false);
    }
    argument("connect_timeout", print_duration(pool.connect_timeout),
             pool.connect_timeout == Pool{}.connect_timeout);
    nest(name, inner);
  }

  template <typename T>
  void group(std::string_view name, T& member, std::string_view /*help*/) {
    Printer inner(indent_ + 2, given_.at(name));
    if constexpr (std::is_same_v<T, PoolTls>) {
      const TreeNode* arguments = given_.find("connect_args");
      inner.blame_ = arguments == nullptr ? given_.find("url") : arguments;
    }
    fields(inner, member);
    nest(name, inner);
  }

  template <typename T>
  void list(std::string_view name, std::vector<T>& members, std::string_view /*help*/) {
    Printer all(indent_ + 2, given_.at(name));
    all.items(members, {});
    nest(name, all);
  }

  template <typename T>
  void named(std::string_view name, std::vector<T>& members, std::string_view /*help*/) {
    Printer all(indent_ + 2, given_.at(name));
    for (T& member : members) {
      Printer inner(indent_ + 4, all.given_.at(std::string_view(member.name)));
      fields(inner, member);
      all.nest(member.name, inner);
    }
    nest(name, all);
  }

  template <typename K>
  void texts(std::string_view name, const std::vector<std::string>& members, const K& kind,
             std::string_view /*help*/) {
    std::string all;
    for (const std::string& member : members) {
      all += (all.empty() ? "" : ", ") + yaml_text(kind.print(member));
    }
    if (!all.empty()) {
      value_line(name, "[" + all + "]", given_.find(name));
    }
  }

  template <typename K, typename W>
  void entries(const TextPairs& members, const K& /*key*/, const W& value,
               std::string_view /*help*/) {
    for (const auto& [name, text] : members) {
      const std::string shown = value.print(text);
      value_line(yaml_text(name), shown.empty() ? "\"\"" : yaml_text(unexpanded(shown)),
                 given_.find(name));
    }
  }
  template <typename K, typename W>
  void pairs(std::string_view name, const TextPairs& members, const K& key, const W& value,
             std::string_view help) {
    Printer inner(indent_ + 2, given_.at(name));
    inner.entries(members, key, value, help);
    nest(name, inner);
  }
  template <typename T>
  void items(std::vector<T>& members, std::string_view /*help*/) {
    for (std::size_t i = 0; i < members.size(); ++i) {
      item(members[i], given_.at(i));
    }
  }

  void middleware(std::string_view name, std::vector<Middleware>& members,
                  std::string_view /*help*/) {
    Printer all(indent_ + 2, given_.at(name));
    for (std::size_t i = 0; i < members.size(); ++i) {
      auto& options = members[i].options;
      const Given entry = all.given_.at(i);
      Printer inner(indent_ + 6, entry.at(name_of(options)));
      std::visit([&](auto& one) { fields(inner, one); }, options);
      all.line("- " + std::string(name_of(options)), inner.text_.empty() ? "{}" : "");
      all.text_ += inner.text_;
    }
    nest(name, all);
  }

  void later(std::string_view /*name*/, std::initializer_list<std::string_view> /*off*/ = {}) {}

 private:
  void line(std::string_view name, std::string_view value) {
    text_ += std::string(indent_, ' ') + std::string(name) + (value.empty() ? ":" : ": ") +
             std::string(value) + "\n";
  }
  // With its origin, where that is asked for; not at all where the file has to give it and does
  // not.
  void value_line(std::string_view name, std::string_view value, const TreeNode* from,
                  bool is_file = false) {
    const Shown* shown = given_.shown;
    if (shown != nullptr && !shown->defaults && from == nullptr) {
      return;
    }
    line(name, value);
    if (shown != nullptr && shown->origins) {
      text_.pop_back();
      text_ += "  # " + origin_text(from, shown->file, is_file) + "\n";
    }
  }
  // Of TLS with a server: what drivers' arguments have set.
  const TreeNode* blamed(std::string_view value) const {
    return value == "prefer" ? nullptr : blame_;
  }
  // One of a list: its first line starts with a dash.
  template <typename T>
  void item(T& member, Given given) {
    Printer inner(indent_ + 2, given);
    fields(inner, member);
    std::string text = inner.text();
    if (text.empty()) {
      text = std::string(indent_, ' ') + "  {}\n";
    }
    text[indent_] = '-';
    text_ += text;
  }
  void nest(std::string_view name, const Printer& inner) {
    if (!inner.text_.empty()) {
      text_ += std::string(indent_, ' ') + std::string(name) + ":\n" + inner.text_;
    }
  }

  static constexpr std::string_view kMask = "'********'";

  std::size_t indent_;
  Given given_;
  const TreeNode* blame_ = nullptr;  // null: a value that is not given is a default
  std::string text_;
};

}  // namespace sluice::config
