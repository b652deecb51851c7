#include "protocol/mysql/sha256_crypt.hpp"

#include <openssl/evp.h>

#include <array>
#include <memory>

#include "protocol/crypto.hpp"

namespace sluice::protocol::mysql {
namespace {

constexpr std::size_t kDigestSize = 32;
using Digest = std::array<std::uint8_t, kDigestSize>;

// One context for the thousands of digests of a password.
class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    if (!context_) {
      throw CryptoError("no digest context");
    }
  }

  void start() { check(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr)); }
  void add(Bytes data) { check(EVP_DigestUpdate(context_.get(), data.data(), data.size())); }
  Digest finish() {
    Digest digest{};
    check(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr));
    return digest;
  }

 private:
  static void check(int outcome) {
    if (outcome != 1) {
      throw CryptoError("libcrypto refused a digest");
    }
  }
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

// The digest repeated and cut to `size` bytes.
Buffer stretch(const Digest& digest, std::size_t size) {
  Buffer out(size);
  for (std::size_t i = 0; i < size; ++i) {
    out[i] = digest[i % kDigestSize];
  }
  return out;
}

Digest repeated(Sha256& hash, Bytes data, std::size_t times) {
  hash.start();
  for (std::size_t i = 0; i < times; ++i) {
    hash.add(data);
  }
  return hash.finish();
}

// Steps 4 to 12 of the specification.
Digest first_digest(Sha256& hash, Bytes password, Bytes salt) {
  hash.start();
  hash.add(password);
  hash.add(salt);
  hash.add(password);
  const Digest inner = hash.finish();
  hash.start();
  hash.add(password);
  hash.add(salt);
  hash.add(stretch(inner, password.size()));
  for (std::size_t bits = password.size(); bits > 0; bits >>= 1U) {
    hash.add((bits & 1U) != 0 ? Bytes(inner) : password);
  }
  return hash.finish();
}

// Three bytes become four digits, the low six bits first.
void append_digits(std::string& out, std::uint32_t bits, int count) {
  static constexpr std::string_view kDigits =
      "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (int i = 0; i < count; ++i) {
    out += kDigits[bits & 63U];
    bits >>= 6U;
  }
}

std::string encode(const Digest& digest) {
  std::string out;
  std::size_t a = 0;
  std::size_t b = 10;
  std::size_t c = 20;
  for (int group = 0; group < 10; ++group) {
    append_digits(
        out, (std::uint32_t{digest[a]} << 16U) | (std::uint32_t{digest[b]} << 8U) | digest[c], 4);
    const std::size_t next = a;
    a = c + 1;
    c = b + 1;
    b = next + 1;
  }
  append_digits(out, (std::uint32_t{digest[31]} << 8U) | digest[30], 3);
  return out;
}

}  // namespace

std::string sha256_crypt(std::string_view password_text, Bytes salt, std::uint32_t rounds) {
  const Bytes password = as_bytes(password_text);
  Sha256 hash;
  Digest digest = first_digest(hash, password, salt);
  const Buffer p = stretch(repeated(hash, password, password.size()), password.size());
  const Buffer s = stretch(repeated(hash, salt, std::size_t{16} + digest[0]), salt.size());
  for (std::uint32_t round = 0; round < rounds; ++round) {
    const bool odd = (round & 1U) != 0;
    hash.start();
    hash.add(odd ? Bytes(p) : Bytes(digest));
    if (round % 3 != 0) {
      hash.add(s);
    }
    if (round % 7 != 0) {
      hash.add(p);
    }
    hash.add(odd ? Bytes(digest) : Bytes(p));
    digest = hash.finish();
  }
  return encode(digest);
}

}  // namespace sluice::protocol::mysql
