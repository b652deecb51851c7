#pragma once

// A key that signatures of tokens are verified with, and the one algorithm that it is for: the
// token's header does not choose (RFC 8725, 3.1).

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/bytes.hpp"

namespace sluice::proxy::middleware::token {

enum class Algorithm : std::uint8_t { hs256, rs256, es256 };

// As in RFC 7518, in its case. Empty: another one, or none.
std::optional<Algorithm> parse_algorithm(std::string_view name);

class Key {
 public:
  // Shared: keys are copied into lists, and used by several threads at once.
  using Public = std::shared_ptr<EVP_PKEY>;

  static Key hmac(std::string secret);
  // Big endian. Empty: not a point of P-256; not an odd modulus and exponent.
  static std::optional<Key> rsa(protocol::Bytes modulus, protocol::Bytes exponent);
  static std::optional<Key> p256(protocol::Bytes x, protocol::Bytes y);

  Algorithm algorithm() const { return algorithm_; }
  int bits() const;  // of the modulus

  // False for whatever is wrong with it. ES256: `signature` is r and s, 32 bytes each.
  bool verifies(std::string_view text, protocol::Bytes signature) const;

  std::optional<std::string> id;  // `kid`

 private:
  explicit Key(std::string secret) : algorithm_(Algorithm::hs256), secret_(std::move(secret)) {}
  Key(Algorithm algorithm, Public key) : algorithm_(algorithm), public_(std::move(key)) {}

  Algorithm algorithm_;
  std::string secret_;  // of hs256
  Public public_;       // of the others
};

}  // namespace sluice::proxy::middleware::token
