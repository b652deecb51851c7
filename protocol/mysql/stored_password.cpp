#include "protocol/mysql/stored_password.hpp"

#include <charconv>
#include <optional>
#include <string>

#include "protocol/crypto.hpp"
#include "protocol/mysql/caching_sha2.hpp"
#include "protocol/mysql/native_password.hpp"

namespace sluice::protocol::mysql {
namespace {

constexpr std::uint32_t kMaxScramIterations = 10'000'000;

bool equal(std::string_view a, std::string_view b) {
  return constant_time_equal(as_bytes(a), as_bytes(b));
}

// The text up to the next `separator`, which is removed with it.
std::string_view cut(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  std::string_view head = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return head;
}

// "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey", RFC 5803.
bool matches_scram(std::string_view verifier, std::string_view password) {
  const std::string_view mechanism = cut(verifier, '$');
  const std::string_view digits = cut(verifier, ':');
  const std::optional<Buffer> salt = base64_decode(cut(verifier, '$'));
  const std::optional<Buffer> stored_key = base64_decode(cut(verifier, ':'));
  std::uint32_t iterations = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), iterations);
  if (mechanism != "SCRAM-SHA-256" || parsed.ptr != digits.data() + digits.size() || !salt ||
      !stored_key || iterations == 0 || iterations > kMaxScramIterations) {
    return false;
  }
  const Buffer salted = pbkdf2_sha256(password, *salt, iterations, 32);
  return constant_time_equal(sha256(hmac_sha256(salted, as_bytes("Client Key"))), *stored_key);
}

bool matches_native(std::string_view stored, std::string_view password) {
  const std::optional<Buffer> stage2 = parse_native_hash(stored);
  return stage2 && constant_time_equal(native_stage2(native_stage1(password)), *stage2);
}

bool matches_md5(std::string_view stored, std::string_view user, std::string_view password) {
  const std::string salted = std::string(password) + std::string(user);
  return equal("md5" + hex_encode(md5(as_bytes(salted))), stored);
}

// The forms whose check is cheap by itself.
bool matches_cheap_form(const Secret& secret, std::string_view user, std::string_view password) {
  if (secret.password) {
    return equal(*secret.password, password);
  }
  if (secret.mysql_native_hash) {
    return matches_native(*secret.mysql_native_hash, password);
  }
  return secret.md5_hash && matches_md5(*secret.md5_hash, user, password);
}

}  // namespace

bool has_empty_password(const Secret& secret) {
  if (!secret.known) {
    return false;
  }
  if (secret.password) {
    return secret.password->empty();
  }
  if (secret.caching_sha2_hash) {
    return secret.caching_sha2_hash->empty();
  }
  return secret.mysql_native_hash && secret.mysql_native_hash->empty();
}

bool password_matches(const Secret& secret, std::string_view user, std::string_view password) {
  // What an earlier full login left behind spares the hash; a mismatch still pays for it below.
  if (secret.known && secret.caching_sha2_digest &&
      equal(as_text(caching_sha2_digest(caching_sha2_stage1(password))),
            *secret.caching_sha2_digest)) {
    return true;
  }
  if (secret.known && !secret.password) {
    if (secret.caching_sha2_hash) {
      return matches_caching_sha2_hash(*secret.caching_sha2_hash, password);
    }
    if (!secret.mysql_native_hash && secret.scram_verifier) {
      return matches_scram(*secret.scram_verifier, password);
    }
  }
  const bool cheap = secret.known && matches_cheap_form(secret, user, password);
  matches_no_hash(password);
  return cheap;
}

Learned learn_password(std::string_view password) {
  const Buffer stage1 = caching_sha2_stage1(password);
  Learned learned;
  learned.password = password;
  learned.caching_sha2_stage1 = as_text(stage1);
  learned.caching_sha2_digest = as_text(caching_sha2_digest(stage1));
  learned.mysql_native_stage1 = as_text(native_stage1(password));
  return learned;
}

}  // namespace sluice::protocol::mysql
