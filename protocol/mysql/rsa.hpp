#pragma once

// RSA for full authentication without TLS: OAEP with SHA-1 and MGF1-SHA-1, no label.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/bytes.hpp"

struct evp_pkey_st;

namespace sluice::protocol {

// A key pair; immutable, used by any number of threads at once.
struct RsaKey {
 public:
  explicit RsaKey(std::shared_ptr<evp_pkey_st> key);

  // "-----BEGIN PUBLIC KEY-----..."
  const std::string& public_pem() const { return public_pem_; }
  std::size_t modulus_size() const;  // bytes; also the size of a ciphertext
  // CPU-heavy: for Compute only. Null when it was not encrypted for this key.
  std::optional<Buffer> decrypt(Bytes cipher) const;

 private:
  std::shared_ptr<evp_pkey_st> key_;
  std::string public_pem_;
};

namespace mysql {

// A new pair of 2048 bits; takes a good part of a second, once per process. Null when libcrypto
// cannot make one.
std::shared_ptr<const RsaKey> make_rsa_key();

// Null when the PEM holds no RSA key of 1024 to 8192 bits or the text is too long for it.
std::optional<Buffer> rsa_encrypt(std::string_view public_pem, Bytes plain);

}  // namespace mysql
}  // namespace sluice::protocol
