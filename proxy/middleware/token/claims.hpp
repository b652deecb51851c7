#pragma once

// What the payload of a token says (RFC 7519), once its signature is known to be good.

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "proxy/middleware/token/token.hpp"

namespace sluice::proxy::middleware::token {

struct Expected {
  std::string audience;  // "" = any
  std::string issuer;    // "" = any
  std::chrono::milliseconds leeway{0};
};

// Empty: it is valid now, for us, and from whom we trust. A token must say when it expires; one
// that was issued later than now is not valid yet.
std::optional<Refused> refuse_claims(const boost::json::object& claims, const Expected& expected,
                                     WallTime now);

// A text, number or boolean, or each of these in a list, as text. What else it may be is left out.
std::vector<std::string> texts_of(const boost::json::value& claim);

}  // namespace sluice::proxy::middleware::token
