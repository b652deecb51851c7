#include "protocol/mysql/native_password.hpp"

#include "protocol/crypto.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {
namespace {

constexpr std::size_t kSha1Size = 20;

Buffer mask(Bytes nonce, Bytes stage2) {
  Buffer joined;
  Writer(joined).bytes(nonce).bytes(stage2);
  return sha1(joined);
}

}  // namespace

Buffer native_stage1(std::string_view password) {
  return sha1(as_bytes(password));
}

Buffer native_stage2(Bytes stage1) {
  return sha1(stage1);
}

std::optional<Buffer> parse_native_hash(std::string_view stored) {
  if (stored.size() != 1 + 2 * kSha1Size || stored.front() != '*') {
    return std::nullopt;
  }
  return hex_decode(stored.substr(1));
}

Buffer native_token(Bytes stage1, Bytes nonce) {
  return xor_bytes(stage1, mask(nonce, native_stage2(stage1)));
}

std::optional<Buffer> verify_native_token(Bytes token, Bytes nonce, Bytes stage2) {
  if (token.size() != kSha1Size || stage2.size() != kSha1Size) {
    return std::nullopt;
  }
  Buffer stage1 = xor_bytes(token, mask(nonce, stage2));
  if (!constant_time_equal(native_stage2(stage1), stage2)) {
    return std::nullopt;
  }
  return stage1;
}

}  // namespace sluice::protocol::mysql
