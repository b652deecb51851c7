#include "proxy/middleware/token/jwks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/crypto.hpp"
#include "tests/proxy/middleware/signing.hpp"

namespace sluice::proxy::middleware::token {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string set_of(const std::string& keys) {
  return R"({"keys":[)" + keys + "]}";
}

// What is wrong; "" when there is a key that can be used.
std::string problem(const std::string& text) {
  const auto parsed = parse_jwks(text);
  const auto* found = std::get_if<std::string>(&parsed);
  return found == nullptr ? std::string() : *found;
}

std::string rsa(const protocol::Buffer& modulus, const char* exponent = "AQAB") {
  return R"({"kty":"RSA","kid":"r","n":")" + base64url(modulus) + R"(","e":")" + exponent + "\"}";
}

// An odd number of so many bytes, the same for each seed.
protocol::Buffer odd_number(std::size_t bytes, int seed) {
  protocol::Buffer number;
  protocol::Buffer block = protocol::sha256(protocol::as_bytes(std::to_string(seed)));
  for (; number.size() < bytes; block = protocol::sha256(block)) {
    number.insert(number.end(), block.begin(), block.end());
  }
  number.resize(bytes);
  number.front() |= 0x80U;
  number.back() |= 1U;
  return number;
}

// The first one that could be a modulus: without a small factor.
protocol::Buffer modulus(std::size_t bytes) {
  for (int seed = 0; seed < 200; ++seed) {
    auto number = odd_number(bytes, seed);
    if (problem(set_of(rsa(number))).empty()) {
      return number;
    }
  }
  return {};
}

TEST(Jwks, ReadsKeysOfBothKinds) {
  const auto parsed = parse_jwks(
      set_of(Rfc7515::rsa_jwk(R"(,"kid":"a","use":"sig","alg":"RS256","x5t":"ignored")") + "," +
             Rfc7515::ec_jwk(R"(,"kid":"b","key_ops":["sign","verify"],"alg":"ES256")")));
  const auto& set = std::get<KeySet>(parsed);
  ASSERT_EQ(set.keys.size(), 2U);
  EXPECT_TRUE(set.unusable.empty());
  EXPECT_EQ(set.keys[0].algorithm(), Algorithm::rs256);
  EXPECT_EQ(set.keys[0].id, "a");
  EXPECT_EQ(set.keys[0].bits(), 2048);
  EXPECT_EQ(set.keys[1].algorithm(), Algorithm::es256);
  EXPECT_EQ(set.keys[1].id, "b");
}

TEST(Jwks, LeavesOutWhatItCannotUseAndSaysWhich) {
  const auto parsed =
      parse_jwks(set_of(Rfc7515::rsa_jwk(R"(,"kid":"enc","use":"enc","alg":"RSA-OAEP")") + "," +
                        R"({"kty":"oct","k":"c2VjcmV0"},)" + Rfc7515::ec_jwk() + R"(,7,)" +
                        Rfc7515::rsa_jwk(R"(,"kid":"bad\nid","alg":"RS512")")));
  const auto& set = std::get<KeySet>(parsed);
  EXPECT_EQ(set.keys.size(), 1U);
  EXPECT_THAT(set.unusable, ElementsAre("key 'enc' has another use than sig",
                                        "key number 2 has another kty than RSA or EC",
                                        "key number 4 is no object",
                                        "key number 5 is for another algorithm than RS256"));
}

TEST(Jwks, WantsRsaKeysOfASaneSize) {
  const auto smallest = modulus(256);
  EXPECT_FALSE(smallest.empty());
  EXPECT_FALSE(modulus(1024).empty());
  for (const std::size_t bytes :
       {std::size_t{0}, std::size_t{255}, std::size_t{1025}, std::size_t{5000}}) {
    EXPECT_THAT(problem(set_of(rsa(protocol::Buffer(bytes, 0xff)))),
                HasSubstr("key 'r' must have 2048 to 8192 bits"));
  }
  auto shorter = smallest;
  shorter.front() = 0x7f;
  EXPECT_THAT(problem(set_of(rsa(shorter))), HasSubstr("must have 2048 to 8192 bits"));
  shorter.insert(shorter.begin(), 4, 0);
  EXPECT_THAT(problem(set_of(rsa(shorter))), HasSubstr("must have 2048 to 8192 bits"));
  EXPECT_THAT(problem(set_of(rsa(smallest, "AQABAQABAQAB"))),
              HasSubstr("an exponent of at most 8"));
  for (const char* exponent : {"", "AA", "AQ", "BA"}) {  // 0 bytes, 0, 1, 4
    EXPECT_THAT(problem(set_of(rsa(smallest, exponent))), HasSubstr("is no RSA key")) << exponent;
  }
  EXPECT_THAT(problem(set_of(rsa(protocol::Buffer(256, 0xff)))), HasSubstr("is no RSA key"));
  auto even = smallest;
  even.back() ^= 1U;
  EXPECT_THAT(problem(set_of(rsa(even))), HasSubstr("is no RSA key"));
  EXPECT_THAT(problem(set_of(rsa(smallest, "AQAB="))), HasSubstr("must be base64url"));
  EXPECT_THAT(problem(set_of(R"({"kty":"RSA","n":5,"e":"AQAB"})")), HasSubstr("must be base64url"));
}

TEST(Jwks, WantsPointsOfP256) {
  const std::string x(Rfc7515::es256_x);
  const std::string y(Rfc7515::es256_y);
  const auto ec = [](const std::string& curve, const std::string& a, const std::string& b) {
    return set_of(R"({"kty":"EC","crv":")" + curve + R"(","x":")" + a + R"(","y":")" + b + "\"}");
  };
  EXPECT_EQ(problem(ec("P-256", x, y)), "");
  EXPECT_THAT(problem(ec("P-256", y, x)), HasSubstr("key number 1 x and y are no point of P-256"));
  EXPECT_THAT(problem(ec("P-256", x, x)), HasSubstr("no point"));
  EXPECT_THAT(problem(ec("P-256", x.substr(4), y)), HasSubstr("no point"));
  EXPECT_THAT(problem(ec("P-256", "", "")), HasSubstr("no point"));
  const std::string zero = base64url(protocol::Buffer(32));
  EXPECT_THAT(problem(ec("P-256", zero, zero)), HasSubstr("no point"));
  const std::string high = base64url(protocol::Buffer(32, 0xff));
  EXPECT_THAT(problem(ec("P-256", high, high)), HasSubstr("no point"));
  EXPECT_THAT(problem(ec("P-384", x, y)), HasSubstr("another curve"));
  EXPECT_THAT(problem(EcKey("secp256k1").jwks()), HasSubstr("another curve"));
}

TEST(Jwks, RefusesSecretsAndOtherUses) {
  EXPECT_THAT(problem(set_of(Rfc7515::ec_jwk(R"(,"d":"AQ")"))), HasSubstr("holds a secret"));
  EXPECT_THAT(problem(set_of(Rfc7515::ec_jwk(R"(,"key_ops":["sign"])"))), HasSubstr("key_ops"));
  EXPECT_THAT(problem(set_of(Rfc7515::ec_jwk(R"(,"key_ops":"verify")"))), HasSubstr("key_ops"));
  EXPECT_THAT(problem(set_of(Rfc7515::ec_jwk(R"(,"use":7)"))), HasSubstr("another use"));
  EXPECT_THAT(problem(set_of(Rfc7515::ec_jwk(R"(,"kid":7)"))), HasSubstr("kid that is no text"));
}

TEST(Jwks, RefusesWhatIsNoSet) {
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{}"), Rfc7515::ec_jwk(),
        std::string(R"({"keys":{}})"), set_of(Rfc7515::ec_jwk()) + "x",
        R"({"keys":[],"keys":[)" + Rfc7515::ec_jwk() + "]}",
        set_of(Rfc7515::ec_jwk(R"(,"kty":"EC")"))}) {
    EXPECT_THAT(problem(text), HasSubstr("no JSON object with an array")) << text;
  }
  EXPECT_EQ(problem(R"({"keys":[]})"), "it has no key that can be used");
  std::string many = "1";
  for (int more = 0; more < 100; ++more) {
    many += ",1";
  }
  EXPECT_THAT(problem(set_of(many)), HasSubstr("more than 100 keys"));
}

}  // namespace
}  // namespace sluice::proxy::middleware::token
