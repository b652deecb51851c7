#include "config/schema_kinds.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cctype>
#include <sstream>

#include "config/units.hpp"

namespace sluice::config::schema {
namespace {

json::object reference() {
  return {{"$ref", "#/$defs/reference"}};
}

// READ COMMITTED, read_committed, Read Committed ...
std::string in_any_case(std::string_view words) {
  std::string out;
  for (const char c : words) {
    if (c == ' ') {
      out += "[ _]";
    } else {
      out += {'[', c, static_cast<char>(std::tolower(static_cast<unsigned char>(c))), ']'};
    }
  }
  return out;
}

}  // namespace

json::object or_reference(json::object one) {
  return {{"anyOf", json::array{std::move(one), reference()}}};
}

json::object any_text() {
  return {{"type", json::array{"string", "number", "boolean"}}};
}

json::object matching(std::string_view pattern) {
  return or_reference({{"type", "string"}, {"pattern", text(pattern)}});
}

json::object of(const Integer& kind) {
  return or_reference({{"type", "integer"}, {"minimum", kind.min}, {"maximum", kind.max}});
}

json::object of(const Number& kind) {
  return or_reference({{"type", "number"}, {"minimum", kind.min}, {"maximum", kind.max}});
}

json::object of(const Span& kind) {
  json::array forms{json::object{{"type", "string"}, {"pattern", "^[0-9]+(ms|s|m|h|d)$"}},
                    reference()};
  if (kind.never) {
    forms.push_back(json::object{{"enum", json::array{-1, "-1"}}});
  }
  return {{"anyOf", std::move(forms)}};
}

json::object of(const Size& /*kind*/) {
  return matching("^[0-9]+(B|KiB|MiB|GiB)$");
}

json::object of(const Workers& /*kind*/) {
  return {
      {"anyOf", json::array{json::object{{"const", "auto"}},
                            json::object{{"type", "integer"}, {"minimum", 1}, {"maximum", 1024}},
                            reference()}}};
}

json::object of(const Boolean& /*kind*/) {
  return or_reference({{"type", "boolean"}});
}

json::object of(const Name& /*kind*/) {
  return {{"anyOf",
           json::array{json::object{{"type", "string"}, {"pattern", "^[A-Za-z0-9_.-]{1,63}$"}},
                       json::object{{"type", json::array{"number", "boolean"}}}, reference()}}};
}

json::object of(const Isolation& /*kind*/) {
  std::string pattern = "^(";
  for (const std::string_view level :
       {"READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "AUTOCOMMIT"}) {
    pattern += (pattern.size() > 2 ? "|" : "") + in_any_case(level);
  }
  return matching(pattern + ")$");
}

json::object of(const SqlState& /*kind*/) {
  return {{"anyOf", json::array{json::object{{"type", "string"}, {"pattern", "^[0-9A-Z]{5}$"}},
                                json::object{{"type", "integer"}}, reference()}}};
}

json::object of(const ErrorNumber& /*kind*/) {
  return of(Integer{1, 65535});
}

json::object of(const StatementKindName& /*kind*/) {
  std::istringstream names(StatementKindName::all());
  std::vector<std::string> words;
  for (std::string name; std::getline(names >> std::ws, name, ',');) {
    words.push_back(name);
  }
  return of_words(words);
}

json::object of(const CronText& /*kind*/) {
  return matching(R"(^\s*(@[A-Za-z]+|\S+(\s+\S+){4})\s*$)");
}

// YAML reads some words as true and false.
json::object of_words(const std::vector<std::string>& words) {
  json::array all;
  for (const std::string& word : words) {
    all.emplace_back(text(word));
    if (const auto truth = parse_boolean(word)) {
      all.emplace_back(*truth);
    }
  }
  return or_reference({{"enum", std::move(all)}});
}

json::object of_secret(SecretForm form) {
  switch (form) {
    case SecretForm::password:
      break;
    case SecretForm::scram:
      return matching(
          R"(^SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$)");
    case SecretForm::md5:
      return matching("^md5[0-9a-fA-F]{32}$");
    case SecretForm::mysql_native:
      return matching(R"(^\*[0-9a-fA-F]{40}$)");
    case SecretForm::caching_sha2:
      return matching(R"(^\$[AB]\$)");
  }
  return any_text();
}

json::value typed(std::string_view printed) {
  if (const auto truth = parse_boolean(printed)) {
    return *truth;
  }
  if (const auto number = parse_integer(printed)) {
    return *number;
  }
  return text(printed);
}

}  // namespace sluice::config::schema
