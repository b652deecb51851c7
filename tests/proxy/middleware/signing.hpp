#pragma once

// Makes tokens and keys for tests: what an issuer of tokens does.

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

#include "protocol/bytes.hpp"

namespace sluice::proxy::middleware::token {

inline constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";

std::string base64url(protocol::Bytes data);
std::string base64url(std::string_view text);

// Header and payload are JSON; what they say is not looked at.
std::string unsigned_token(std::string_view header, std::string_view payload);
std::string hs256_token(std::string_view header, std::string_view payload,
                        std::string_view secret = kSecret);
inline std::string hs256_token(std::string_view payload) {
  return hs256_token(R"({"alg":"HS256","typ":"JWT"})", payload);
}

// A throw-away key on a curve of 32-byte coordinates.
class EcKey {
 public:
  explicit EcKey(const char* curve = "P-256");

  std::string jwk(std::string_view more = "") const;  // `more`: further members, each with a comma
  std::string jwks(std::string_view more = "") const { return R"({"keys":[)" + jwk(more) + "]}"; }
  std::string token(std::string_view header, std::string_view payload) const;
  protocol::Buffer der(std::string_view text) const;  // the signature as OpenSSL makes it
  protocol::Buffer raw(std::string_view text) const;  // r and s

 private:
  std::shared_ptr<EVP_PKEY> key_;
  std::string curve_;
};

// The keys and tokens of RFC 7515, appendix A.1, A.2 and A.3. All have one payload: issued by
// "joe", good until 1300819380.
struct Rfc7515 {
  static const std::string_view hs256_token, hs256_key;
  static const std::string_view rs256_token, rs256_modulus;
  static const std::string_view es256_token, es256_x, es256_y;
  static std::string rsa_jwk(std::string_view more = "");
  static std::string ec_jwk(std::string_view more = "");
};

}  // namespace sluice::proxy::middleware::token
