#include "protocol/mysql/rsa.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <climits>
#include <utility>

namespace sluice::protocol {
namespace {

constexpr unsigned int kKeyBits = 2048;
constexpr int kMinPeerBits = 1024;
constexpr int kMaxPeerBits = 8192;
constexpr std::size_t kMaxPem = 16384;

using Context = std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)>;
using Bio = std::unique_ptr<BIO, int (*)(BIO*)>;

std::string write_public_pem(EVP_PKEY* key) {
  Bio bio(BIO_new(BIO_s_mem()), BIO_free);
  if (!bio || PEM_write_bio_PUBKEY(bio.get(), key) != 1) {
    return {};
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

// EVP_PKEY_encrypt or EVP_PKEY_decrypt, after the context was initialised for it.
using Transform = int (*)(EVP_PKEY_CTX*, unsigned char*, std::size_t*, const unsigned char*,
                          std::size_t);

std::optional<Buffer> transform(EVP_PKEY_CTX* context, Transform apply, Bytes in) {
  std::size_t size = 0;
  std::optional<Buffer> out;
  if (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
      apply(context, nullptr, &size, in.data(), in.size()) == 1) {
    out.emplace(size);
    if (apply(context, out->data(), &size, in.data(), in.size()) == 1) {
      out->resize(size);
    } else {
      out.reset();
    }
  }
  ERR_clear_error();
  return out;
}

}  // namespace

RsaKey::RsaKey(std::shared_ptr<evp_pkey_st> key)
    : key_(std::move(key)), public_pem_(write_public_pem(key_.get())) {}

std::size_t RsaKey::modulus_size() const {
  return static_cast<std::size_t>(EVP_PKEY_get_size(key_.get()));
}

std::optional<Buffer> RsaKey::decrypt(Bytes cipher) const {
  Context context(EVP_PKEY_CTX_new(key_.get(), nullptr), EVP_PKEY_CTX_free);
  if (cipher.size() != modulus_size() || !context || EVP_PKEY_decrypt_init(context.get()) != 1) {
    return std::nullopt;
  }
  return transform(context.get(), EVP_PKEY_decrypt, cipher);
}

namespace mysql {

std::shared_ptr<const RsaKey> make_rsa_key() {
  std::shared_ptr<EVP_PKEY> key(EVP_RSA_gen(kKeyBits), EVP_PKEY_free);
  if (!key) {
    ERR_clear_error();
    return nullptr;
  }
  return std::make_shared<const RsaKey>(std::move(key));
}

std::optional<Buffer> rsa_encrypt(std::string_view public_pem, Bytes plain) {
  if (public_pem.size() > kMaxPem) {
    return std::nullopt;
  }
  Bio bio(BIO_new_mem_buf(public_pem.data(), static_cast<int>(public_pem.size())), BIO_free);
  std::shared_ptr<EVP_PKEY> key(
      bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr, EVP_PKEY_free);
  if (!key || EVP_PKEY_is_a(key.get(), "RSA") != 1 || EVP_PKEY_get_bits(key.get()) < kMinPeerBits ||
      EVP_PKEY_get_bits(key.get()) > kMaxPeerBits) {
    ERR_clear_error();
    return std::nullopt;
  }
  Context context(EVP_PKEY_CTX_new(key.get(), nullptr), EVP_PKEY_CTX_free);
  if (!context || EVP_PKEY_encrypt_init(context.get()) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  return transform(context.get(), EVP_PKEY_encrypt, plain);
}

}  // namespace mysql
}  // namespace sluice::protocol
