#include "proxy/middleware/token/jwt.hpp"

#include <algorithm>
#include <utility>

#include "protocol/crypto.hpp"
#include "proxy/middleware/token/jwks.hpp"
#include "proxy/middleware/token/jws.hpp"
#include "proxy/middleware/token/strict_json.hpp"

namespace sluice::proxy::middleware::token {
namespace {

using metrics::RefusalReason;

// Of at most 8 KiB each, where it comes to the worst.
constexpr std::size_t kMaxRemembered = 1024;

}  // namespace

JwtCheck::JwtCheck(std::vector<Key> keys, Expected expected)
    : keys_(std::move(keys)), expected_(std::move(expected)), verified_(kMaxRemembered) {}

std::variant<Claims, Refused> JwtCheck::check(std::string_view token, WallTime now) {
  const Fingerprint key = fingerprint(token);
  Claims claims = verified_.find(key);
  const bool known = claims != nullptr;
  if (!known) {
    auto verified = verify(token);
    if (std::holds_alternative<Refused>(verified)) {
      return verified;
    }
    claims = std::get<Claims>(std::move(verified));
  }
  if (auto refused = refuse_claims(*claims, expected_, now)) {
    if (refused->reason == RefusalReason::token_expired) {
      verified_.forget(key);
    }
    return std::move(*refused);
  }
  if (!known) {
    verified_.add(key, claims);
  }
  return claims;
}

std::variant<Claims, Refused> JwtCheck::verify(std::string_view token) const {
  auto parsed = parse_jws(token);
  if (auto* refused = std::get_if<Refused>(&parsed)) {
    return std::move(*refused);
  }
  const Jws& jws = std::get<Jws>(parsed);
  auto found = keys_for(keys_, jws.algorithm, jws.key_id);
  if (auto* refused = std::get_if<Refused>(&found)) {
    return std::move(*refused);
  }
  const auto& keys = std::get<std::vector<const Key*>>(found);
  const bool good = std::any_of(keys.begin(), keys.end(), [&](const Key* key) {
    return key->verifies(jws.signed_text, jws.signature);
  });
  if (!good) {
    return Refused{RefusalReason::token_signature, "its signature is wrong"};
  }
  const auto payload = protocol::base64url_decode(jws.payload);
  auto claims = payload ? parse_object(protocol::as_text(*payload)) : std::nullopt;
  if (!claims) {
    return Refused{RefusalReason::token_malformed,
                   "the payload is no JSON object in base64url, or has a member twice"};
  }
  return std::make_shared<const boost::json::object>(std::move(*claims));
}

}  // namespace sluice::proxy::middleware::token
