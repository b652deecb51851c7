#pragma once

// What is stored about a user's password, and what a successful login teaches us.
// Neither is ever printed: there is no operator<< and no formatter for them.

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::protocol {

// The stored forms; every member is optional and several may be set. Immutable once shared.
struct Secret {
  bool known = false;  // false: no such user; the login goes through a mock exchange and is refused
  std::optional<std::string> password;        // clear text
  std::optional<std::string> scram_verifier;  // "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey"
  std::optional<std::string> md5_hash;        // "md5" + 32 hex digits of MD5(password + user)
  std::optional<std::string> mysql_native_hash;  // "*" + 40 hex digits of SHA1(SHA1(password))
  std::optional<std::string> caching_sha2_hash;  // "$A$..." (70 bytes) or "$B$..."
  // Derived or learned, never configured: SHA256(SHA256(password)), 32 bytes; makes the fast path
  // of caching_sha2_password possible after one full authentication.
  std::optional<std::string> caching_sha2_digest;
};

// Learned from a login that succeeded; enough to log in to a backend as the same user without a
// stored clear-text password. Kept in memory only.
struct Learned {
  std::optional<std::string> password;          // came in clear (TLS) or under RSA
  std::optional<std::string> scram_client_key;  // 32 bytes; good for the same salt and iterations
  std::optional<std::string> scram_verifier;    // derived from a clear-text password (a cache)
  std::optional<std::string> mysql_native_stage1;  // SHA1(password), 20 bytes
  std::optional<std::string> caching_sha2_digest;  // as in Secret
  std::optional<std::string> caching_sha2_stage1;  // SHA256(password), 32 bytes

  friend bool operator==(const Learned& a, const Learned& b) = default;
};

}  // namespace sluice::protocol
