#include "protocol/mysql/caching_sha2.hpp"

#include "protocol/crypto.hpp"
#include "protocol/cursor.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/sha256_crypt.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {
namespace {

constexpr std::size_t kSha256Size = 32;
constexpr std::size_t kSaltSize = 20;
constexpr std::size_t kMaxPassword = 256;  // MySQL's own bound
constexpr std::size_t kPbkdf2Size = 64;

Buffer mask(Bytes digest, Bytes nonce) {
  Buffer joined;
  Writer(joined).bytes(digest).bytes(nonce);
  return sha256(joined);
}

// "005" is 5000 iterations; 0 when they are not three hex digits.
std::uint32_t parse_iterations(std::string_view digits) {
  std::optional<Buffer> bytes = hex_decode("0" + std::string(digits));
  if (!bytes || bytes->size() != 2) {
    return 0;
  }
  return ((std::uint32_t{(*bytes)[0]} << 8U) | (*bytes)[1]) * 1000;
}

}  // namespace

Buffer caching_sha2_stage1(std::string_view password) {
  return sha256(as_bytes(password));
}

Buffer caching_sha2_digest(Bytes stage1) {
  return sha256(stage1);
}

Buffer caching_sha2_token(Bytes stage1, Bytes nonce) {
  return xor_bytes(stage1, mask(caching_sha2_digest(stage1), nonce));
}

std::optional<Buffer> verify_caching_sha2_token(Bytes token, Bytes nonce, Bytes digest) {
  if (token.size() != kSha256Size || digest.size() != kSha256Size) {
    return std::nullopt;
  }
  Buffer stage1 = xor_bytes(token, mask(digest, nonce));
  if (!constant_time_equal(caching_sha2_digest(stage1), digest)) {
    return std::nullopt;
  }
  return stage1;
}

bool matches_caching_sha2_hash(std::string_view stored, std::string_view password) {
  Cursor cursor(as_bytes(stored));
  const std::string_view kind = as_text(cursor.take(3));
  const std::uint32_t iterations = parse_iterations(as_text(cursor.take(3)));
  const std::uint8_t separator = cursor.u8();
  const Bytes salt = cursor.take(kSaltSize);
  const std::string_view hash = as_text(cursor.take_rest());
  if (!cursor.ok() || separator != '$' || iterations == 0 || password.size() > kMaxPassword) {
    return false;
  }
  if (kind == "$A$") {
    return constant_time_equal(as_bytes(sha256_crypt(password, salt, iterations)), as_bytes(hash));
  }
  if (kind == "$B$") {
    std::optional<Buffer> expected = base64_decode(hash);
    return expected && expected->size() == kPbkdf2Size &&
           constant_time_equal(pbkdf2_sha512(password, salt, iterations, kPbkdf2Size), *expected);
  }
  return false;
}

bool matches_no_hash(std::string_view password) {
  const std::string stored =
      "$A$005$" + std::string(kSaltSize, 's') + std::string(kSha256CryptSize, '!');
  return matches_caching_sha2_hash(stored, password.substr(0, kMaxPassword));
}

Buffer mask_with_nonce(Bytes data, Bytes nonce) {
  Buffer out(data.begin(), data.end());
  for (std::size_t i = 0; i < out.size() && !nonce.empty(); ++i) {
    out[i] ^= nonce[i % nonce.size()];
  }
  return out;
}

std::string make_nonce() {
  std::string nonce;
  while (nonce.size() < kNonceSize) {
    for (std::uint8_t byte : random_bytes(2 * kNonceSize)) {
      const char c = static_cast<char>(byte & 0x7FU);
      if (c != '\0' && c != '$' && nonce.size() < kNonceSize) {
        nonce += c;
      }
    }
  }
  return nonce;
}

}  // namespace sluice::protocol::mysql
