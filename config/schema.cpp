#include "config/schema.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <initializer_list>
#include <type_traits>
#include <utility>

#include "config/connect_args.hpp"
#include "config/fields.hpp"
#include "config/middleware_table.hpp"
#include "config/schema_kinds.hpp"

namespace sluice::config {
namespace {

namespace json = boost::json;
using schema::text;

// Collects what one struct may hold.
class Properties {
 public:
  template <typename T, typename K>
  void option(std::string_view name, const T& member, const K& kind, std::string_view help) {
    json::object one = schema::of(kind);
    if (const std::string value = kind.print(member); !value.empty()) {
      one["default"] = schema::typed(value);
    }
    put(name, std::move(one), help);
  }
  template <typename T, typename K>
  void option(std::string_view name, const std::optional<T>& /*member*/, const K& kind,
              std::string_view help) {
    put(name, {{"anyOf", json::array{schema::of(kind), json::object{{"type", "null"}}}}}, help);
  }
  template <typename T, typename K>
  void required(std::string_view name, const T& /*member*/, const K& kind, std::string_view help) {
    put(name, schema::of(kind), help);
    required_.emplace_back(text(name));
  }
  void secret(std::string_view name, const std::optional<std::string>& /*member*/, SecretForm form,
              std::string_view help) {
    put(name, schema::of_secret(form), help);
    put(std::string(name) + "_file", schema::any_text(),
        "file that holds the `" + std::string(name) + "`");
  }
  void url(std::string_view name, const Pool& /*pool*/, std::string_view help) {
    put(name, schema::matching(R"(^(postgres|postgresql|mysql|mariadb)(\+[a-z0-9_]+)?://)"), help);
    required_.emplace_back(text(name));
  }
  void connect_args(std::string_view name, const Pool& pool, std::string_view help) {
    Properties inner;
    for (const auto protocol : {Protocol::postgresql, Protocol::mysql}) {
      for (const std::string& known : known_arguments(protocol)) {
        inner.put(known, schema::any_text(), "of " + protocols().print(protocol));
      }
    }
    inner.put("connect_timeout",
              {{"anyOf", json::array{schema::of(Span{}), json::object{{"type", "integer"}}}},
               {"default", text(print_duration(pool.connect_timeout))}},
              "for one connection, with its login");
    put(name, inner.map(), help);
  }
  template <typename K>
  void texts(std::string_view name, const std::vector<std::string>& /*members*/, const K& kind,
             std::string_view help) {
    json::object one{{"type", "array"}, {"items", schema::of(kind)}};
    if (wanted(name, help)) {
      one["minItems"] = 1;
    }
    put(name, std::move(one), help);
  }

  template <typename T>
  void items(std::vector<T>& /*members*/, std::string_view help) {
    whole_ = list_of<T>();
    whole_["description"] = text(help);
  }
  template <typename K, typename W>
  void entries(const TextPairs& /*members*/, const K& /*key*/, const W& value,
               std::string_view help) {
    whole_ = {{"type", "object"},
              {"description", text(help)},
              {"additionalProperties", schema::of(value)}};
  }
  template <typename K, typename W>
  void pairs(std::string_view name, const TextPairs& /*members*/, const K& /*key*/, const W& value,
             std::string_view help) {
    put(name, {{"type", "object"}, {"additionalProperties", schema::of(value)}}, help);
  }
  void middleware(std::string_view name, const std::vector<Middleware>& /*members*/,
                  std::string_view help) {
    put(name, {{"$ref", "#/$defs/chain"}}, help);
  }

  template <typename T>
  void group(std::string_view name, T& member, std::string_view help) {
    Properties inner;
    fields(inner, member);
    put(name, inner.map(), help);
  }
  template <typename T>
  void list(std::string_view name, std::vector<T>& /*members*/, std::string_view help) {
    put(name, list_of<T>(), help);
    wanted(name, help);
  }
  template <typename T>
  void named(std::string_view name, std::vector<T>& /*members*/, std::string_view help) {
    T member;
    Properties inner;
    fields(inner, member);
    put(name,
        {{"type", "object"},
         {"minProperties", 1},
         {"propertyNames", json::object{{"pattern", "^[A-Za-z0-9_.-]{1,63}$"}}},
         {"additionalProperties", inner.map()}},
        help);
    wanted(name, help);
  }

  // Known and refused; null and what says "off" are taken.
  void later(std::string_view name, std::initializer_list<std::string_view> off = {}) {
    json::array taken{nullptr, json::array{}, json::object{}};
    for (const std::string_view word : off) {
      taken.emplace_back(schema::typed(word));
    }
    put(name, {{"enum", std::move(taken)}}, "not supported yet");
  }

  bool has_required() const { return !required_.empty(); }
  json::object map() const {
    if (!whole_.empty()) {
      return whole_;
    }
    json::object out{
        {"type", "object"}, {"properties", properties_}, {"additionalProperties", false}};
    if (!required_.empty()) {
      out["required"] = required_;
    }
    return out;
  }

 private:
  void put(std::string_view name, json::object one, std::string_view help) {
    if (!help.empty()) {
      one["description"] = text(help);
    }
    properties_[json::string_view(name.data(), name.size())] = std::move(one);
  }
  // The table says so in words.
  bool wanted(std::string_view name, std::string_view help) {
    const bool is = help.ends_with("at least one");
    if (is) {
      required_.emplace_back(text(name));
    }
    return is;
  }
  template <typename T>
  static json::object list_of() {
    T member;
    Properties inner;
    fields(inner, member);
    return {{"type", "array"}, {"items", inner.map()}};
  }

  json::object properties_;
  json::array required_;
  json::object whole_;  // of a struct that is a list, or a map of texts, as a whole
};

// Middleware: a name where it needs no options, or a map of one name to its options.
template <std::size_t I = 0>
void add_middleware(json::array& names, json::object& all) {
  if constexpr (I < kMiddlewareCount) {
    const MiddlewareRow& row = middleware_rows()[I];
    std::variant_alternative_t<I, MiddlewareOptions> options;
    Properties inner;
    fields(inner, options);
    json::object one = inner.map();
    if (!inner.has_required()) {
      names.emplace_back(text(row.name));
      one = {{"anyOf", json::array{std::move(one), json::object{{"type", "null"}}}}};
    }
    one["description"] = text(row.what);
    all[json::string_view(row.name.data(), row.name.size())] = std::move(one);
    add_middleware<I + 1>(names, all);
  }
}

json::object chain() {
  json::array names;
  json::object all;
  add_middleware(names, all);
  json::object map{{"type", "object"},
                   {"properties", std::move(all)},
                   {"additionalProperties", false},
                   {"minProperties", 1},
                   {"maxProperties", 1}};
  return {{"type", "array"},
          {"items",
           json::object{{"anyOf", json::array{json::object{{"enum", std::move(names)}}, map}}}}};
}

bool fits_a_line(const json::value& value) {
  return serialize(value).size() <= 88;
}

void print(const json::value& value, const std::string& indent, std::string& out) {
  if ((!value.is_object() && !value.is_array()) || fits_a_line(value)) {
    out += serialize(value);
    return;
  }
  const std::string inner = indent + "  ";
  const char* comma = "\n";
  if (const auto* object = value.if_object()) {
    out += '{';
    for (const auto& [key, member] : *object) {
      out += std::exchange(comma, ",\n") + inner + serialize(json::value(key)) + ": ";
      print(member, inner, out);
    }
    out += "\n" + indent + "}";
    return;
  }
  out += '[';
  for (const json::value& member : value.get_array()) {
    out += std::exchange(comma, ",\n") + inner;
    print(member, inner, out);
  }
  out += "\n" + indent + "]";
}

}  // namespace

std::string render_schema() {
  Config defaults;
  Properties top;
  fields(top, defaults);
  json::object out{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                   {"title", "Configuration of sluice"}};
  for (auto& [key, value] : top.map()) {
    out[key] = value;
  }
  out["$defs"] = json::object{
      {"reference", json::object{{"type", "string"},
                                 {"pattern", R"(\$\{)"},
                                 {"description", "${VAR}, ${VAR:-default} or ${file:/path}"}}},
      {"chain", chain()}};
  std::string text;
  print(out, "", text);
  return text + "\n";
}

}  // namespace sluice::config
