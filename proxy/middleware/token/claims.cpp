#include "proxy/middleware/token/claims.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

#include "proxy/middleware/token/strict_json.hpp"

namespace sluice::proxy::middleware::token {
namespace {

namespace json = boost::json;
using metrics::RefusalReason;
using Seconds = std::chrono::duration<double>;

constexpr double kLastSecond = 253402300799;  // of the year 9999

struct Time {
  bool given = false;
  bool valid = false;
  double seconds = 0;  // since 1970
};

// A NumericDate: a number, which may have a fraction.
Time time_of(const json::object& claims, std::string_view name) {
  const json::value* value = claims.if_contains({name.data(), name.size()});
  if (value == nullptr) {
    return {};
  }
  json::error_code error;
  const auto seconds = value->is_number() ? value->to_number<double>(error) : -1.0;
  const bool valid = !error && std::isfinite(seconds) && seconds >= 0 && seconds <= kLastSecond;
  return {true, valid, seconds};
}

std::optional<Refused> refuse_times(const json::object& claims, double now, double leeway) {
  const Time expires = time_of(claims, "exp");
  const Time not_before = time_of(claims, "nbf");
  const Time issued = time_of(claims, "iat");
  if (!expires.given) {
    return Refused{RefusalReason::token_malformed, "it does not say when it expires (exp)"};
  }
  for (const Time& time : {expires, not_before, issued}) {
    if (time.given && !time.valid) {
      return Refused{RefusalReason::token_malformed, "exp, nbf or iat is no time"};
    }
  }
  if (now >= expires.seconds + leeway) {
    const double ago = std::floor(now - expires.seconds);
    return Refused{RefusalReason::token_expired,
                   "it expired " + std::to_string(static_cast<std::int64_t>(ago)) + " s ago"};
  }
  if (now + leeway < std::max(not_before.seconds, issued.seconds)) {
    return Refused{RefusalReason::token_not_yet_valid,
                   "it is not valid yet (nbf), or issued later than now (iat)"};
  }
  return std::nullopt;
}

bool is_text(const json::value& value, std::string_view text) {
  const json::string* own = value.if_string();
  return own != nullptr && std::string_view(own->data(), own->size()) == text;
}

bool is_for(const json::object& claims, std::string_view audience) {
  const json::value* value = claims.if_contains("aud");
  if (value == nullptr) {
    return false;
  }
  if (const json::array* list = value->if_array()) {
    return std::any_of(list->begin(), list->end(),
                       [&](const json::value& one) { return is_text(one, audience); });
  }
  return is_text(*value, audience);
}

std::optional<std::string> text_of(const json::value& value) {
  if (const json::string* text = value.if_string()) {
    return std::string(text->data(), text->size());
  }
  if (const double* number = value.if_double()) {
    std::array<char, 32> digits{};  // the shortest that reads as the same number takes 24
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *number).ptr;
    return std::string(digits.data(), end);
  }
  if (value.is_number() || value.is_bool()) {
    return json::serialize(value);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refused> refuse_claims(const json::object& claims, const Expected& expected,
                                     WallTime now) {
  const double seconds = Seconds(now.time_since_epoch()).count();
  if (auto refused = refuse_times(claims, seconds, Seconds(expected.leeway).count())) {
    return refused;
  }
  if (!expected.issuer.empty() && text_member(claims, "iss") != expected.issuer) {
    return Refused{RefusalReason::token_issuer, "it is not from the issuer " + expected.issuer};
  }
  if (!expected.audience.empty() && !is_for(claims, expected.audience)) {
    return Refused{RefusalReason::token_audience,
                   "it is not for the audience " + expected.audience};
  }
  return std::nullopt;
}

std::vector<std::string> texts_of(const json::value& claim) {
  std::vector<std::string> texts;
  const auto add = [&](const json::value& one) {
    if (auto text = text_of(one)) {
      texts.push_back(std::move(*text));
    }
  };
  if (const json::array* list = claim.if_array()) {
    std::for_each(list->begin(), list->end(), add);
  } else {
    add(claim);
  }
  return texts;
}

}  // namespace sluice::proxy::middleware::token
