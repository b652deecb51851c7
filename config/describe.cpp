#include "config/describe.hpp"

#include <initializer_list>
#include <optional>
#include <string_view>

#include "config/fields.hpp"
#include "config/middleware_table.hpp"
#include "config/url.hpp"

namespace sluice::config {
namespace {

constexpr std::string_view kMask = "'********'";

// Double-quoted unless it is a plain word that YAML cannot take for anything else.
std::string yaml_text(const std::string& text) {
  const bool plain = !text.empty() &&
                     text.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./ ") ==
                         std::string::npos &&
                     text.front() != ' ' && text.back() != ' ' && text != "null";
  if (plain || text == "-1") {
    return text;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      out += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 15U]};
      continue;
    }
    out += c == '"' || c == '\\' ? "\\" : "";
    out += c;
  }
  return out + "\"";
}

// `${` would be taken for a reference if the text were loaded again.
std::string unexpanded(std::string text) {
  for (auto at = text.find("${"); at != std::string::npos; at = text.find("${", at + 3)) {
    text.insert(at, 1, '$');
  }
  return text;
}

class Printer {
 public:
  explicit Printer(std::size_t indent = 0) : indent_(indent) {}
  const std::string& text() const { return text_; }

  template <typename T, typename K>
  void option(std::string_view name, const T& member, const K& kind, std::string_view /*help*/) {
    if (const auto value = kind.print(member); !value.empty()) {
      line(name, yaml_text(unexpanded(value)));
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
    if (member) {
      line(name, kMask);
    }
  }

  void url(std::string_view name, const Pool& pool, std::string_view /*help*/) {
    line(name, yaml_text(unexpanded(print_pool_url(pool))));
  }

  // Their values may hold anything, a password in `options` for one: names only.
  void connect_args(std::string_view name, const Pool& pool, std::string_view /*help*/) {
    Printer inner(indent_ + 2);
    for (const auto& [key, value] : pool.connect_args) {
      inner.line(key, key == "options" ? std::string(kMask) : yaml_text(unexpanded(value)));
    }
    inner.line("connect_timeout", print_duration(pool.connect_timeout));
    nest(name, inner);
  }

  template <typename T>
  void group(std::string_view name, T& member, std::string_view /*help*/) {
    Printer inner(indent_ + 2);
    fields(inner, member);
    nest(name, inner);
  }

  template <typename T>
  void list(std::string_view name, std::vector<T>& members, std::string_view /*help*/) {
    Printer all(indent_ + 2);
    for (T& member : members) {
      all.item(member);
    }
    nest(name, all);
  }

  template <typename T>
  void named(std::string_view name, std::vector<T>& members, std::string_view /*help*/) {
    Printer all(indent_ + 2);
    for (T& member : members) {
      Printer inner(indent_ + 4);
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
      line(name, "[" + all + "]");
    }
  }

  template <typename K, typename W>
  void entries(const TextPairs& members, const K& /*key*/, const W& value,
               std::string_view /*help*/) {
    for (const auto& [name, text] : members) {
      const std::string shown = value.print(text);
      line(yaml_text(name), shown.empty() ? "\"\"" : yaml_text(unexpanded(shown)));
    }
  }
  template <typename K, typename W>
  void pairs(std::string_view name, const TextPairs& members, const K& key, const W& value,
             std::string_view help) {
    Printer inner(indent_ + 2);
    inner.entries(members, key, value, help);
    nest(name, inner);
  }
  template <typename T>
  void items(std::vector<T>& members, std::string_view /*help*/) {
    for (T& member : members) {
      item(member);
    }
  }

  void middleware(std::string_view name, std::vector<Middleware>& members,
                  std::string_view /*help*/) {
    Printer all(indent_ + 2);
    for (Middleware& member : members) {
      Printer inner(indent_ + 6);
      std::visit([&](auto& options) { fields(inner, options); }, member.options);
      all.line("- " + std::string(name_of(member.options)), inner.text_.empty() ? "{}" : "");
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
  // One of a list: its first line starts with a dash.
  template <typename T>
  void item(T& member) {
    Printer inner(indent_ + 2);
    fields(inner, member);
    std::string text = inner.text();
    text[indent_] = '-';
    text_ += text;
  }
  void nest(std::string_view name, const Printer& inner) {
    if (!inner.text_.empty()) {
      text_ += std::string(indent_, ' ') + std::string(name) + ":\n" + inner.text_;
    }
  }

  std::size_t indent_;
  std::string text_;
};

}  // namespace

std::string describe(const Config& config) {
  Config copy = config;
  Printer printer;
  fields(printer, copy);
  return printer.text();
}

}  // namespace sluice::config
