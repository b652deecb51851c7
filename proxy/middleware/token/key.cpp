#include "proxy/middleware/token/key.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include <tuple>
#include <utility>

#include "protocol/crypto.hpp"

namespace sluice::proxy::middleware::token {
namespace {

using protocol::Buffer;
using protocol::Bytes;

constexpr std::size_t kCoordinate = 32;  // of P-256

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <typename T, auto Free>
using Owned = std::unique_ptr<T, Freer<Free>>;

using Number = Owned<BIGNUM, BN_free>;
using Builder = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Params = Owned<OSSL_PARAM, OSSL_PARAM_free>;
using KeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using DigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using Signature = Owned<ECDSA_SIG, ECDSA_SIG_free>;

// What OpenSSL says of a wrong key or signature is nobody's business later on this thread.
struct ErrorsCleared {
  ErrorsCleared() = default;
  ErrorsCleared(const ErrorsCleared&) = delete;
  ErrorsCleared& operator=(const ErrorsCleared&) = delete;
  ~ErrorsCleared() { ERR_clear_error(); }
};

Number number(Bytes big_endian) {
  return Number(BN_bin2bn(big_endian.data(), static_cast<int>(big_endian.size()), nullptr));
}

Key::Public public_key(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* made = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  Key::Public key(made, &EVP_PKEY_free);
  const KeyContext checking(EVP_PKEY_CTX_new_from_pkey(nullptr, made, nullptr));
  return checking != nullptr && EVP_PKEY_public_check_quick(checking.get()) == 1 ? key : nullptr;
}

// From r and s, as tokens have them, to the DER that OpenSSL reads.
std::optional<Buffer> der_signature(Bytes raw) {
  if (raw.size() != 2 * kCoordinate) {
    return std::nullopt;
  }
  Number r = number(raw.first(kCoordinate));
  Number s = number(raw.last(kCoordinate));
  const Signature signature(ECDSA_SIG_new());
  if (r == nullptr || s == nullptr || signature == nullptr || BN_is_zero(r.get()) != 0 ||
      BN_is_zero(s.get()) != 0 || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) {
    return std::nullopt;
  }
  std::ignore = r.release();  // the signature owns them now
  std::ignore = s.release();
  const int size = i2d_ECDSA_SIG(signature.get(), nullptr);
  if (size <= 0) {
    return std::nullopt;
  }
  Buffer der(static_cast<std::size_t>(size));
  std::uint8_t* at = der.data();
  i2d_ECDSA_SIG(signature.get(), &at);
  return der;
}

}  // namespace

std::optional<Algorithm> parse_algorithm(std::string_view name) {
  if (name == "HS256") {
    return Algorithm::hs256;
  }
  if (name == "RS256") {
    return Algorithm::rs256;
  }
  if (name == "ES256") {
    return Algorithm::es256;
  }
  return std::nullopt;
}

Key Key::hmac(std::string secret) {
  return Key(std::move(secret));
}

std::optional<Key> Key::rsa(Bytes modulus, Bytes exponent) {
  const ErrorsCleared errors;
  const Number n = number(modulus);
  const Number e = number(exponent);
  const Builder builder(OSSL_PARAM_BLD_new());
  if (n == nullptr || e == nullptr || builder == nullptr || BN_is_odd(n.get()) == 0 ||
      BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) != 0 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return std::nullopt;
  }
  Public key = public_key("RSA", builder.get());
  return key == nullptr ? std::nullopt : std::optional(Key(Algorithm::rs256, std::move(key)));
}

std::optional<Key> Key::p256(Bytes x, Bytes y) {
  const ErrorsCleared errors;
  if (x.size() != kCoordinate || y.size() != kCoordinate) {
    return std::nullopt;
  }
  Buffer point{4};  // uncompressed
  point.insert(point.end(), x.begin(), x.end());
  point.insert(point.end(), y.begin(), y.end());
  const Builder builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) !=
          1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1) {
    return std::nullopt;
  }
  Public key = public_key("EC", builder.get());
  return key == nullptr ? std::nullopt : std::optional(Key(Algorithm::es256, std::move(key)));
}

int Key::bits() const {
  return public_ == nullptr ? 0 : EVP_PKEY_get_bits(public_.get());
}

bool Key::verifies(std::string_view text, Bytes signature) const {
  const Bytes data = protocol::as_bytes(text);
  if (algorithm_ == Algorithm::hs256) {
    const Buffer expected = protocol::hmac_sha256(protocol::as_bytes(secret_), data);
    return protocol::constant_time_equal(expected, signature);
  }
  const ErrorsCleared errors;
  Buffer der;
  if (algorithm_ == Algorithm::es256) {
    auto converted = der_signature(signature);
    if (!converted) {
      return false;
    }
    der = std::move(*converted);
    signature = der;
  }
  const DigestContext context(EVP_MD_CTX_new());
  return context != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, public_.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(),
                          data.size()) == 1;
}

}  // namespace sluice::proxy::middleware::token
