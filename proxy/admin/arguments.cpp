#include "proxy/admin/arguments.hpp"

#include <charconv>
#include <utility>

#include <boost/beast/core/string.hpp>
#include <boost/url/parse_query.hpp>

#include "proxy/admin/json.hpp"
#include "proxy/middleware/token/strict_json.hpp"

namespace sluice::proxy::admin {
namespace {

constexpr std::size_t kMaxNameShown = 40;

bool is_json(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ')) {
    type.remove_suffix(1);
  }
  return boost::beast::iequals({type.data(), type.size()}, "application/json");
}

std::string quoted(std::string_view name) {
  return "\"" + std::string(name.substr(0, kMaxNameShown)) + "\"";
}

const boost::json::value* find(const boost::json::object& object, std::string_view name) {
  const auto at = object.find({name.data(), name.size()});
  return at == object.end() ? nullptr : &at->value();
}

}  // namespace

Arguments Arguments::of_body(const Request& request) {
  Arguments made;
  if (request.body.empty()) {
    return made;
  }
  if (!is_json(request.header("Content-Type"))) {
    made.refuse(415, "the body must be JSON: Content-Type: application/json");
    return made;
  }
  auto object = middleware::token::parse_object(request.body);
  if (!object) {
    made.refuse(400, "the body must be one JSON object, no member twice");
    return made;
  }
  made.given_ = std::move(*object);
  return made;
}

Arguments Arguments::of_query(const Request& request) {
  Arguments made;
  made.query_ = true;
  const auto query = boost::urls::parse_query({request.query.data(), request.query.size()});
  if (query.has_error()) {
    made.refuse(400, "what follows the \"?\" must be name=value, joined by \"&\"");
    return made;
  }
  if (request.query.empty()) {
    return made;
  }
  for (const auto& one : boost::urls::params_view(*query)) {
    if (!made.given_.emplace(one.key, one.value).second) {
      made.refuse(400, quoted(one.key) + " comes twice");
    }
  }
  return made;
}

std::optional<std::string> Arguments::text(std::string_view name) {
  asked_.emplace(name);
  const auto* value = find(given_, name);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_string() || value->as_string().empty()) {
    refuse(400, quoted(name) + " must be a text that is not empty");
    return std::nullopt;
  }
  return std::string(value->as_string().c_str(), value->as_string().size());
}

std::optional<std::uint64_t> Arguments::number(std::string_view name, std::uint64_t max) {
  asked_.emplace(name);
  const auto* value = find(given_, name);
  if (value == nullptr) {
    return std::nullopt;
  }
  std::optional<std::uint64_t> number;
  if (query_) {
    const auto& digits = value->as_string();
    std::uint64_t parsed = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), parsed);
    if (error == std::errc{} && end == digits.data() + digits.size()) {
      number = parsed;
    }
  } else if (value->is_int64() && value->as_int64() >= 0) {
    number = static_cast<std::uint64_t>(value->as_int64());
  } else if (value->is_uint64()) {
    number = value->as_uint64();
  }
  if (!number || *number > max) {
    refuse(400, quoted(name) + " must be a whole number from 0 to " + std::to_string(max));
    return std::nullopt;
  }
  return number;
}

std::optional<bool> Arguments::flag(std::string_view name) {
  asked_.emplace(name);
  const auto* value = find(given_, name);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_bool()) {
    refuse(400, quoted(name) + " must be true or false");
    return std::nullopt;
  }
  return value->as_bool();
}

void Arguments::refuse(unsigned status, std::string message) {
  if (!problem_) {
    problem_ =
        error_answer(status, status == 415 ? "unsupported_media_type" : "bad_request", message);
  }
}

std::optional<Answer> Arguments::problem() {
  for (const auto& member : given_) {
    const std::string_view name(member.key().data(), member.key().size());
    if (!asked_.contains(name)) {
      refuse(400, quoted(name) + " is not known here");
    }
  }
  return problem_;
}

}  // namespace sluice::proxy::admin
