#pragma once

// JSON Web Tokens: signature first, then what the payload says.

#include <vector>

#include "proxy/middleware/token/claims.hpp"
#include "proxy/middleware/token/key.hpp"
#include "proxy/middleware/token/token.hpp"
#include "proxy/middleware/token/verified.hpp"

namespace sluice::proxy::middleware::token {

class JwtCheck final : public Check {
 public:
  JwtCheck(std::vector<Key> keys, Expected expected);

  std::variant<Claims, Refused> check(std::string_view token, WallTime now) override;
  std::size_t remembered() const { return verified_.size(); }

 private:
  std::variant<Claims, Refused> verify(std::string_view token) const;

  const std::vector<Key> keys_;
  const Expected expected_;
  Verified verified_;
};

}  // namespace sluice::proxy::middleware::token
