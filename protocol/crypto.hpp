#pragma once

// Digests, keys and encodings for the login methods, by OpenSSL's libcrypto.
//
// A digest that libcrypto cannot give (MD5 in a FIPS build, no memory, no entropy) throws
// CryptoError: a machine turns that into a failed login, and work for Compute must catch it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "protocol/bytes.hpp"

namespace sluice::protocol {

struct CryptoError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

Buffer md5(Bytes data);     // 16 bytes
Buffer sha1(Bytes data);    // 20 bytes
Buffer sha256(Bytes data);  // 32 bytes
Buffer hmac_sha256(Bytes key, Bytes data);

// CPU-heavy on purpose: for Compute only. iterations and length are at least 1.
Buffer pbkdf2_sha256(std::string_view password, Bytes salt, std::uint32_t iterations,
                     std::size_t length);
Buffer pbkdf2_sha512(std::string_view password, Bytes salt, std::uint32_t iterations,
                     std::size_t length);

// The time depends on the lengths alone. Different lengths are unequal.
bool constant_time_equal(Bytes a, Bytes b);

// From the system's cryptographic generator.
Buffer random_bytes(std::size_t count);

// a XOR b; both have the same length.
Buffer xor_bytes(Bytes a, Bytes b);

// RFC 4648 with padding. Decoding is strict: no white space, no missing padding, no stray bits.
std::string base64_encode(Bytes data);
std::optional<Buffer> base64_decode(std::string_view text);
// The alphabet of RFC 4648 section 5, without padding, as in RFC 7515; as strict.
std::optional<Buffer> base64url_decode(std::string_view text);

// Lower case; decoding takes both cases.
std::string hex_encode(Bytes data);
std::optional<Buffer> hex_decode(std::string_view text);

}  // namespace sluice::protocol
