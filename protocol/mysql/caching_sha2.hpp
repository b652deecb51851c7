#pragma once

// caching_sha2_password: N is the nonce of 20 bytes, || joins, ^ is XOR.
//
//   stage1 = SHA256(password)        digest = SHA256(stage1)
//   token  = stage1 ^ SHA256(digest || N)                 the fast path: 32 bytes
//   stored = "$A$" 3 hex digits "$" salt[20] sha-crypt[43]       rounds = hex * 1000, 70 bytes
//          | "$B$" 3 hex digits "$" salt[20] base64[88]          PBKDF2-HMAC-SHA512, 115 bytes
//   full   = password NUL over TLS, or RSA-OAEP of (password NUL) ^ (N repeated)
//
// Server's words inside AuthMoreData: 03 the token is right, 04 send the password; client's: 02
// send your public key. The stored hash is not the digest: the fast path needs one full login.
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_caching_sha2_authentication_exchanges.html

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/bytes.hpp"

namespace sluice::protocol::mysql {

inline constexpr std::uint8_t kFastOk = 0x03;
inline constexpr std::uint8_t kFullAuthentication = 0x04;
inline constexpr std::uint8_t kRequestPublicKey = 0x02;

Buffer caching_sha2_stage1(std::string_view password);
Buffer caching_sha2_digest(Bytes stage1);

Buffer caching_sha2_token(Bytes stage1, Bytes nonce);
// Stage1 when the token proves the password, else null.
std::optional<Buffer> verify_caching_sha2_token(Bytes token, Bytes nonce, Bytes digest);

// The stored forms. CPU-heavy: for Compute only. An unknown form, or a cost above 0xFFF thousand,
// matches nothing.
bool matches_caching_sha2_hash(std::string_view stored, std::string_view password);
// As much work as a usual stored hash, for users that have none. Always false.
bool matches_no_hash(std::string_view password);

// XOR with the nonce over and over: what goes under RSA. Its own inverse.
Buffer mask_with_nonce(Bytes data, Bytes nonce);

// 20 bytes of 1..127 without '$', fit for a greeting or an AuthSwitchRequest.
std::string make_nonce();

}  // namespace sluice::protocol::mysql
