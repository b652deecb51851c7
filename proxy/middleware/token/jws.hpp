#pragma once

// A signed token as it travels (RFC 7515, 7.1), taken apart; nothing of it is believed yet.
//
//   BASE64URL(header) . BASE64URL(payload) . BASE64URL(signature)

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/bytes.hpp"
#include "proxy/middleware/token/key.hpp"
#include "proxy/middleware/token/token.hpp"

namespace sluice::proxy::middleware::token {

struct Jws {
  Algorithm algorithm = Algorithm::hs256;
  std::optional<std::string> key_id;
  std::string_view signed_text;  // of the token: header, dot, payload
  std::string_view payload;      // of the token, encoded
  protocol::Buffer signature;
};

// Borrows from `token`.
std::variant<Jws, Refused> parse_jws(std::string_view token);

}  // namespace sluice::proxy::middleware::token
