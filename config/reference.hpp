#pragma once

// The visitor of fields.hpp that documents the options as tables in Markdown.

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/connect_args.hpp"
#include "config/route_fields.hpp"
#include "config/secret.hpp"

namespace sluice::config {

inline std::string code(const std::string& text) {
  return "`" + text + "`";
}

// Collects one section per struct, in the order of the table.
class Reference {
 public:
  Reference() { sections_.push_back({"Top level", "", {}}); }

  template <typename T, typename K>
  void option(std::string_view name, const T& member, const K& kind, std::string_view help) {
    const auto value = kind.print(member);
    row(name, kind.type(), value.empty() ? "" : code(value), help);
    if constexpr (requires { kind.later; }) {
      for (const std::string_view word : kind.later) {
        later_ += "* " + code(prefix_ + std::string(name) + ": " + std::string(word)) + "\n";
      }
    }
  }
  template <typename T, typename K>
  void option(std::string_view name, const std::optional<T>& /*member*/, const K& kind,
              std::string_view help) {
    row(name, kind.type(), "", help);
  }
  template <typename T, typename K>
  void required(std::string_view name, const T& /*member*/, const K& kind, std::string_view help) {
    row(name, kind.type(), "required", help);
  }
  void secret(std::string_view name, const std::optional<std::string>& /*member*/,
              SecretForm /*form*/, std::string_view help) {
    row(name, "secret", "", help);
    row(std::string(name) + "_file", "path", "", "file that holds the `" + std::string(name) + "`");
  }
  void url(std::string_view name, const Pool& /*pool*/, std::string_view help) {
    row(name, "url", "required", help);
  }
  void connect_args(std::string_view name, const Pool& pool, std::string_view help) {
    row(name, "map of texts", "", std::string(help) + "; also in the url, behind its `?`");
    for (const auto protocol : {Protocol::postgresql, Protocol::mysql}) {
      std::string all;
      for (const std::string& known : known_arguments(protocol)) {
        all += (all.empty() ? "" : ", ") + code(known);
      }
      row(std::string(name) + " of " + protocols().print(protocol), "", "", all);
    }
    row(std::string(name) + ".connect_timeout", "duration, or whole seconds",
        code(print_duration(pool.connect_timeout)), "for one connection, with its login");
  }
  template <typename K>
  void texts(std::string_view name, const std::vector<std::string>& /*members*/, const K& kind,
             std::string_view help) {
    row(name, "list of " + kind.type() + "s", "", help);
  }

  template <typename T>
  void items(std::vector<T>& /*members*/, std::string_view help) {
    T member;
    sections_[current_].help = "A list; " + std::string(help) + ". Each has:";
    fields(*this, member);
  }
  template <typename K, typename W>
  void entries(const TextPairs& /*members*/, const K& key, const W& value, std::string_view help) {
    row("NAME", value.type(), "", "by the name of a " + key.type() + ": " + std::string(help));
  }
  template <typename K, typename W>
  void pairs(std::string_view name, const TextPairs& /*members*/, const K& key, const W& value,
             std::string_view help) {
    row(name, "map of " + key.type() + " to " + value.type(), "", help);
  }
  void middleware(std::string_view name, const std::vector<Middleware>& /*members*/,
                  std::string_view help) {
    row(name, "chain", "", help);
  }

  template <typename T>
  void group(std::string_view name, T& member, std::string_view help) {
    nest(std::string(name), "map", member, help);
  }
  template <typename T>
  void list(std::string_view name, std::vector<T>& /*members*/, std::string_view help) {
    T member;
    nest(std::string(name) + "[]", "list", member, help);
  }
  template <typename T>
  void named(std::string_view name, std::vector<T>& /*members*/, std::string_view help) {
    T member;
    nest(std::string(name) + ".NAME", "map by name", member, help);
  }

  void later(std::string_view name, std::initializer_list<std::string_view> off = {}) {
    std::string line = "* " + code(prefix_ + std::string(name));
    if (off.size() > 0) {
      line += ", accepted as " + code(std::string(*off.begin()));
    }
    later_ += line + "\n";
  }

  // A table for each struct that has options.
  std::string sections() const {
    std::string out;
    for (const Section& section : sections_) {
      if (!section.rows.empty()) {
        out += "\n## " + section.title + "\n\n" + section.help +
               (section.help.empty() ? "" : "\n\n") + kHead.data() + section.rows;
      }
    }
    return out;
  }
  // The table of the one struct that was visited; "" when it has no options.
  std::string table() const {
    const Section& own = sections_.front();
    return own.rows.empty() ? ""
                            : own.help + (own.help.empty() ? "" : "\n\n") + kHead.data() + own.rows;
  }
  std::string not_yet() const { return later_; }

 private:
  static constexpr std::string_view kHead =
      "| key | type | default | meaning |\n|---|---|---|---|\n";

  struct Section {
    std::string title;
    std::string help;
    std::string rows;
  };

  void row(std::string_view name, const std::string& type, std::string_view value,
           std::string_view help) {
    sections_[current_].rows += "| " + code(std::string(name)) + " | " + type + " | " +
                                std::string(value) + " | " + std::string(help) + " |\n";
  }

  template <typename T>
  void nest(const std::string& name, const std::string& type, T& member, std::string_view help) {
    const std::size_t parent = current_;
    const std::string parent_prefix = prefix_;
    sections_.push_back({code(parent_prefix + name), std::string(help), {}});
    current_ = sections_.size() - 1;
    prefix_ += name + ".";
    fields(*this, member);
    const bool built = !sections_[current_].rows.empty();
    current_ = parent;
    prefix_ = parent_prefix;
    if (built) {
      row(name.substr(0, name.find_first_of("[.")), type, "", std::string(help));
    }
  }

  std::vector<Section> sections_;
  std::size_t current_ = 0;
  std::string prefix_;
  std::string later_;
};

}  // namespace sluice::config
