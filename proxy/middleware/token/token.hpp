#pragma once

// What require_token holds tokens against: fixed ones, or JWTs (RFC 7519) by a shared secret or by
// the keys of a JWKS file (RFC 7517).

#include <boost/json/object.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "metrics/instruments.hpp"

namespace sluice::proxy::middleware::token {

using WallTime = std::chrono::system_clock::time_point;

// Why a token is not taken: for the metric and the log. `detail` holds no part of the token.
struct Refused {
  metrics::RefusalReason reason = metrics::RefusalReason::none;
  std::string detail;
};

// What a good token says of who bears it. Shared with the cache and other threads.
using Claims = std::shared_ptr<const boost::json::object>;

class Check {
 public:
  Check() = default;
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;
  virtual ~Check() = default;

  // From any thread. `token` is not empty and of bounded length.
  virtual std::variant<Claims, Refused> check(std::string_view token, WallTime now) = 0;
};

}  // namespace sluice::proxy::middleware::token
