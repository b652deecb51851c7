#include "proxy/middleware/token/strict_json.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>

namespace sluice::proxy::middleware::token {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 8;

json::parse_options options() {
  json::parse_options strict;  // no comments, no trailing commas, no invalid UTF-8
  strict.max_depth = kMaxDepth;
  return strict;
}

// Counts the members of all objects as they are written. The document that Boost.JSON makes keeps
// the last of those that have the same name, without a word.
struct MemberCounter {
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;
  static constexpr std::size_t max_string_size = SIZE_MAX;
  using Error = json::error_code;
  using Text = json::string_view;

  std::size_t members = 0;

  bool on_object_end(std::size_t count, Error& /*error*/) {
    members += count;
    return true;
  }
  static bool on_document_begin(Error& /*error*/) { return true; }
  static bool on_document_end(Error& /*error*/) { return true; }
  static bool on_object_begin(Error& /*error*/) { return true; }
  static bool on_array_begin(Error& /*error*/) { return true; }
  static bool on_array_end(std::size_t /*count*/, Error& /*error*/) { return true; }
  static bool on_key_part(Text /*text*/, std::size_t /*size*/, Error& /*error*/) { return true; }
  static bool on_key(Text /*text*/, std::size_t /*size*/, Error& /*error*/) { return true; }
  static bool on_string_part(Text /*text*/, std::size_t /*size*/, Error& /*error*/) { return true; }
  static bool on_string(Text /*text*/, std::size_t /*size*/, Error& /*error*/) { return true; }
  static bool on_number_part(Text /*text*/, Error& /*error*/) { return true; }
  static bool on_int64(std::int64_t /*number*/, Text /*text*/, Error& /*error*/) { return true; }
  static bool on_uint64(std::uint64_t /*number*/, Text /*text*/, Error& /*error*/) { return true; }
  static bool on_double(double /*number*/, Text /*text*/, Error& /*error*/) { return true; }
  static bool on_bool(bool /*value*/, Error& /*error*/) { return true; }
  static bool on_null(Error& /*error*/) { return true; }
  static bool on_comment_part(Text /*text*/, Error& /*error*/) { return true; }
  static bool on_comment(Text /*text*/, Error& /*error*/) { return true; }
};

std::size_t members_written(std::string_view text) {
  json::basic_parser<MemberCounter> parser(options());
  json::error_code error;
  parser.write_some(false, text.data(), text.size(), error);
  return parser.handler().members;
}

std::size_t members_kept(const json::value& value) {
  std::size_t members = 0;
  if (const auto* object = value.if_object()) {
    members = object->size();
    for (const auto& member : *object) {
      members += members_kept(member.value());
    }
  } else if (const auto* array = value.if_array()) {
    for (const auto& element : *array) {
      members += members_kept(element);
    }
  }
  return members;
}

}  // namespace

std::optional<json::object> parse_object(std::string_view text) {
  json::error_code error;
  json::value value = json::parse({text.data(), text.size()}, error, {}, options());
  if (error || !value.is_object() || members_kept(value) != members_written(text)) {
    return std::nullopt;
  }
  return std::move(value.as_object());
}

std::optional<std::string> text_member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  if (text == nullptr) {
    return std::nullopt;
  }
  return std::string(text->data(), text->size());
}

}  // namespace sluice::proxy::middleware::token
