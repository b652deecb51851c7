#pragma once

// The keys that tokens may be signed with.
//
//   {"keys": [{"kty": "RSA", "kid": "2026-01", "use": "sig", "alg": "RS256", "n": "...", "e":
//   "AQAB"},
//             {"kty": "EC", "kid": "2026-02", "crv": "P-256", "x": "...", "y": "..."}]}    RFC
//             7517, 7518

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/middleware/token/key.hpp"
#include "proxy/middleware/token/token.hpp"

namespace sluice::proxy::middleware::token {

struct KeySet {
  std::vector<Key> keys;
  // One line for each that is of no use here: which, and why.
  std::vector<std::string> unusable;
};

// A text when none of them can be used: what is wrong. It holds ids of keys, nothing of the keys.
std::variant<KeySet, std::string> parse_jwks(std::string_view text);

// Those that the header of a token points to; at most 4, so that a token without an id costs
// little.
std::variant<std::vector<const Key*>, Refused> keys_for(const std::vector<Key>& keys,
                                                        Algorithm algorithm,
                                                        const std::optional<std::string>& id);

}  // namespace sluice::proxy::middleware::token
