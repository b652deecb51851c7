#pragma once

// The kinds of value (kinds.hpp, middleware_kinds.hpp) as JSON Schema. Every one but a fixed word
// may also be a text with a `${...}` in it, which stands for what is not in the file.

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "config/kinds.hpp"
#include "config/middleware_kinds.hpp"
#include "config/schedule/kinds.hpp"
#include "config/secret.hpp"

namespace sluice::config::schema {

namespace json = boost::json;

inline json::string text(std::string_view view) {
  return json::string(view.data(), view.size());
}

// What a value may be instead, beside a `${...}`.
json::object or_reference(json::object one);
// A text, also one that YAML reads as something else.
json::object any_text();
json::object matching(std::string_view pattern);

json::object of(const Integer& kind);
json::object of(const Number& kind);
json::object of(const Span& kind);
json::object of(const Size& kind);
json::object of(const Workers& kind);
json::object of(const Boolean& kind);
json::object of(const Name& kind);
json::object of(const Isolation& kind);
json::object of(const SqlState& kind);
json::object of(const ErrorNumber& kind);
json::object of(const StatementKindName& kind);
json::object of(const CronText& kind);
json::object of_words(const std::vector<std::string>& words);
json::object of_secret(SecretForm form);

template <typename E>
json::object of(const Choice<E>& kind) {
  std::vector<std::string> words;
  for (const auto& row : kind.rows) {
    words.emplace_back(row.name);
  }
  return of_words(words);
}

// Texts whose form is told in words, not checked here.
template <typename K>
json::object of(const K& /*kind*/) {
  return any_text();
}

// A default, as the type that YAML would make of it.
json::value typed(std::string_view printed);

}  // namespace sluice::config::schema
