#include "tests/proxy/middleware/signing.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>

#include <algorithm>

#include "protocol/crypto.hpp"

namespace sluice::proxy::middleware::token {

using protocol::Buffer;
using protocol::Bytes;

std::string base64url(Bytes data) {
  std::string text = protocol::base64_encode(data);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  text.erase(std::min(text.find('='), text.size()));
  return text;
}

std::string base64url(std::string_view text) {
  return base64url(protocol::as_bytes(text));
}

std::string unsigned_token(std::string_view header, std::string_view payload) {
  return base64url(header) + "." + base64url(payload);
}

std::string hs256_token(std::string_view header, std::string_view payload,
                        std::string_view secret) {
  const std::string text = unsigned_token(header, payload);
  return text + "." +
         base64url(protocol::hmac_sha256(protocol::as_bytes(secret), protocol::as_bytes(text)));
}

EcKey::EcKey(const char* curve)
    : key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve), &EVP_PKEY_free), curve_(curve) {}

std::string EcKey::jwk(std::string_view more) const {
  const auto coordinate = [&](const char* name) {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &number);
    Buffer bytes(32);
    BN_bn2binpad(number, bytes.data(), static_cast<int>(bytes.size()));
    BN_free(number);
    return base64url(bytes);
  };
  return R"({"kty":"EC","crv":")" + curve_ + R"(","x":")" + coordinate(OSSL_PKEY_PARAM_EC_PUB_X) +
         R"(","y":")" + coordinate(OSSL_PKEY_PARAM_EC_PUB_Y) + "\"" + std::string(more) + "}";
}

Buffer EcKey::der(std::string_view text) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  const Bytes data = protocol::as_bytes(text);
  std::size_t size = 200;
  Buffer signature(size);
  EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
  EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size());
  signature.resize(size);
  return signature;
}

Buffer EcKey::raw(std::string_view text) const {
  const Buffer encoded = der(text);
  const std::uint8_t* at = encoded.data();
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> signature(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(encoded.size())), &ECDSA_SIG_free);
  Buffer bytes(64);
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), bytes.data(), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), bytes.data() + 32, 32);
  return bytes;
}

std::string EcKey::token(std::string_view header, std::string_view payload) const {
  const std::string text = unsigned_token(header, payload);
  return text + "." + base64url(raw(text));
}

#define PAYLOAD                                                               \
  "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvb" \
  "S9pc19yb290Ijp0cnVlfQ"

const std::string_view Rfc7515::hs256_token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." PAYLOAD
                                              ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const std::string_view Rfc7515::hs256_key =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const std::string_view Rfc7515::rs256_token =
    "eyJhbGciOiJSUzI1NiJ9." PAYLOAD
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
    "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L"
    "07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUi"
    "pUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const std::string_view Rfc7515::rs256_modulus =
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4"
    "QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdb"
    "BYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-D"
    "WNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const std::string_view Rfc7515::es256_token =
    "eyJhbGciOiJFUzI1NiJ9." PAYLOAD
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const std::string_view Rfc7515::es256_x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const std::string_view Rfc7515::es256_y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

#undef PAYLOAD

std::string Rfc7515::rsa_jwk(std::string_view more) {
  return R"({"kty":"RSA","e":"AQAB","n":")" + std::string(rs256_modulus) + "\"" +
         std::string(more) + "}";
}

std::string Rfc7515::ec_jwk(std::string_view more) {
  return R"({"kty":"EC","crv":"P-256","x":")" + std::string(es256_x) + R"(","y":")" +
         std::string(es256_y) + "\"" + std::string(more) + "}";
}

}  // namespace sluice::proxy::middleware::token
