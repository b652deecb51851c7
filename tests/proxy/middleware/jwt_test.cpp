// The examples of RFC 7515, and what forgers try.

#include "proxy/middleware/token/jwt.hpp"

#include <gtest/gtest.h>

#include "protocol/crypto.hpp"
#include "proxy/middleware/token/jwks.hpp"
#include "tests/proxy/middleware/signing.hpp"

namespace sluice::proxy::middleware::token {
namespace {

using metrics::RefusalReason;

constexpr WallTime kNow{std::chrono::seconds(1'300'000'000)};
constexpr std::string_view kPayload = R"({"sub":"bob","exp":1300000060})";
constexpr std::string_view kHs256 = R"({"alg":"HS256"})";
constexpr std::string_view kEs256 = R"({"alg":"ES256"})";

std::vector<Key> keys_of(const std::string& jwks) {
  auto parsed = parse_jwks(jwks);
  EXPECT_TRUE(std::holds_alternative<KeySet>(parsed)) << std::get<std::string>(parsed);
  return std::get<KeySet>(std::move(parsed)).keys;
}

// RefusalReason::none: it is taken.
RefusalReason verdict(Check& check, std::string_view token, WallTime now = kNow) {
  const auto result = check.check(token, now);
  const auto* refused = std::get_if<Refused>(&result);
  return refused == nullptr ? RefusalReason::none : refused->reason;
}

JwtCheck with_secret() {
  return JwtCheck({Key::hmac(std::string(kSecret))}, {});
}

TEST(Jwt, TakesTheExamplesOfRfc7515) {
  const auto secret = protocol::base64url_decode(Rfc7515::hs256_key);
  JwtCheck hs256({Key::hmac(std::string(protocol::as_text(*secret)))}, {});
  EXPECT_EQ(verdict(hs256, Rfc7515::hs256_token), RefusalReason::none);
  JwtCheck public_keys(
      keys_of(R"({"keys":[)" + Rfc7515::rsa_jwk() + "," + Rfc7515::ec_jwk() + "]}"), {});
  EXPECT_EQ(verdict(public_keys, Rfc7515::rs256_token), RefusalReason::none);
  EXPECT_EQ(verdict(public_keys, Rfc7515::es256_token), RefusalReason::none);

  const auto result = public_keys.check(Rfc7515::es256_token, kNow);
  ASSERT_TRUE(std::holds_alternative<Claims>(result));
  EXPECT_EQ(std::get<Claims>(result)->at("iss").as_string(), "joe");
  EXPECT_TRUE(std::get<Claims>(result)->at("http://example.com/is_root").as_bool());
}

TEST(Jwt, RefusesThemWithAnyBitOfTheSignatureTurned) {
  JwtCheck check(keys_of(R"({"keys":[)" + Rfc7515::rsa_jwk() + "," + Rfc7515::ec_jwk() + "]}"), {});
  for (const std::string_view token : {Rfc7515::rs256_token, Rfc7515::es256_token}) {
    const auto dot = token.rfind('.');
    auto signature = *protocol::base64url_decode(token.substr(dot + 1));
    for (std::size_t byte = 0; byte < signature.size(); byte += 7) {
      signature[byte] ^= 0x10U;
      const auto forged = std::string(token.substr(0, dot + 1)) + base64url(signature);
      EXPECT_EQ(verdict(check, forged), RefusalReason::token_signature) << byte;
      signature[byte] ^= 0x10U;
    }
    EXPECT_EQ(verdict(check, token), RefusalReason::none);
  }
}

TEST(Jwt, NoneIsNoAlgorithm) {
  auto check = with_secret();
  for (const char* name :
       {"none", "None", "NONE", "nOnE", "", "hs256", "HS384", "HS512", "PS256"}) {
    const std::string header = R"({"alg":")" + std::string(name) + "\"}";
    EXPECT_EQ(verdict(check, unsigned_token(header, kPayload) + "."),
              RefusalReason::token_algorithm)
        << name;
    EXPECT_EQ(verdict(check, hs256_token(header, kPayload, kSecret)),
              RefusalReason::token_algorithm)
        << name;
  }
  EXPECT_EQ(verdict(check, hs256_token("{}", kPayload)), RefusalReason::token_algorithm);
  EXPECT_EQ(verdict(check, hs256_token(R"({"alg":["HS256"]})", kPayload)),
            RefusalReason::token_algorithm);
}

TEST(Jwt, ASignatureLeftOutOrOfAnotherSecretIsWrong) {
  auto check = with_secret();
  EXPECT_EQ(verdict(check, hs256_token(kPayload)), RefusalReason::none);
  EXPECT_EQ(verdict(check, unsigned_token(kHs256, kPayload) + "."), RefusalReason::token_signature);
  EXPECT_EQ(verdict(check, hs256_token(kHs256, kPayload, "another secret of 32 bytes......")),
            RefusalReason::token_signature);
  EXPECT_EQ(verdict(check, hs256_token(kHs256, kPayload, "")), RefusalReason::token_signature);
  const std::string good = hs256_token(kPayload);
  const auto dot = good.rfind('.');
  EXPECT_EQ(verdict(check, good.substr(0, dot + 20)), RefusalReason::token_malformed);
  EXPECT_EQ(verdict(check, good.substr(0, dot + 21)), RefusalReason::token_signature);
  const std::string other = hs256_token(R"({"sub":"eve","exp":1300000060})");
  EXPECT_EQ(verdict(check, other.substr(0, other.rfind('.')) + good.substr(dot)),
            RefusalReason::token_signature);
}

// The public key is public: who signs with it as if it were a shared secret must not come in.
TEST(Jwt, APublicKeyIsNoSharedSecret) {
  const EcKey key;
  JwtCheck check(keys_of(R"({"keys":[)" + Rfc7515::rsa_jwk() + "," + key.jwk() + "]}"), {});
  for (const std::string& secret :
       {Rfc7515::rsa_jwk(), key.jwk(), std::string(Rfc7515::rs256_modulus), std::string()}) {
    EXPECT_EQ(verdict(check, hs256_token(kHs256, kPayload, secret)),
              RefusalReason::token_algorithm);
  }
  JwtCheck shared({Key::hmac(std::string(kSecret))}, {});
  EXPECT_EQ(verdict(shared, key.token(kEs256, kPayload)), RefusalReason::token_algorithm);
  EXPECT_EQ(verdict(shared, Rfc7515::rs256_token), RefusalReason::token_algorithm);
}

TEST(Jwt, AnEcSignatureIsTwoNumbersInRange) {
  const EcKey key;
  JwtCheck check(keys_of(key.jwks()), {});
  EXPECT_EQ(verdict(check, key.token(kEs256, kPayload)), RefusalReason::none);
  const std::string text = unsigned_token(kEs256, kPayload);
  const auto with = [&](const protocol::Buffer& signature) {
    return verdict(check, text + "." + base64url(signature));
  };
  EXPECT_EQ(with(key.der(text)), RefusalReason::token_signature);
  EXPECT_EQ(with(protocol::Buffer(64)), RefusalReason::token_signature);        // r = s = 0
  EXPECT_EQ(with(protocol::Buffer(64, 0xff)), RefusalReason::token_signature);  // beyond the order
  auto raw = key.raw(text);
  auto zero_s = raw;
  std::fill(zero_s.begin() + 32, zero_s.end(), std::uint8_t{0});
  EXPECT_EQ(with(zero_s), RefusalReason::token_signature);
  auto zero_r = raw;
  std::fill(zero_r.begin(), zero_r.begin() + 32, std::uint8_t{0});
  EXPECT_EQ(with(zero_r), RefusalReason::token_signature);
  raw.push_back(0);
  EXPECT_EQ(with(raw), RefusalReason::token_signature);
  EXPECT_EQ(verdict(check, EcKey().token(kEs256, kPayload)), RefusalReason::token_signature);
  EXPECT_EQ(verdict(check, EcKey("secp256k1").token(kEs256, kPayload)),
            RefusalReason::token_signature);
}

TEST(Jwt, TheIdChoosesTheKey) {
  const EcKey first;
  const EcKey second;
  JwtCheck check(
      keys_of(R"({"keys":[)" + first.jwk(R"(,"kid":"1")") + "," + second.jwk(R"(,"kid":"2")") +
              "," + Rfc7515::rsa_jwk(R"(,"kid":"3")") + "]}"),
      {});
  const std::string_view says_two = R"({"alg":"ES256","kid":"2"})";
  EXPECT_EQ(verdict(check, second.token(says_two, kPayload)), RefusalReason::none);
  EXPECT_EQ(verdict(check, first.token(says_two, kPayload)), RefusalReason::token_signature);
  EXPECT_EQ(verdict(check, second.token(kEs256, kPayload)), RefusalReason::none);  // each is tried
  EXPECT_EQ(verdict(check, first.token(R"({"alg":"ES256","kid":"4"})", kPayload)),
            RefusalReason::token_unknown);
  EXPECT_EQ(verdict(check, first.token(R"({"alg":"ES256","kid":"3"})", kPayload)),
            RefusalReason::token_algorithm);
  EXPECT_EQ(verdict(check, first.token(R"({"alg":"ES256","kid":1})", kPayload)),
            RefusalReason::token_malformed);
}

TEST(Jwt, AKeyWithoutAnIdIsForAnyButAtMostFourAreTried) {
  const EcKey key;
  JwtCheck one(keys_of(key.jwks()), {});
  EXPECT_EQ(verdict(one, key.token(R"({"alg":"ES256","kid":"any"})", kPayload)),
            RefusalReason::none);
  std::string list = key.jwk();
  for (int more = 0; more < 4; ++more) {
    list += "," + EcKey().jwk();
  }
  JwtCheck many(keys_of(R"({"keys":[)" + list + "]}"), {});
  EXPECT_EQ(verdict(many, key.token(kEs256, kPayload)), RefusalReason::token_unknown);
}

TEST(Jwt, RefusesWhatIsNoToken) {
  auto check = with_secret();
  const std::string good = hs256_token(kPayload);
  for (const std::string& text :
       {std::string("x"),
        std::string("."),
        std::string(".."),
        std::string("..."),
        std::string("a.b"),
        good + ".",
        good + ".e30",
        good + "=",
        good + "\n",
        " " + good,
        "Bearer " + good,
        std::string(8192, '.'),
        std::string(8192, 'A'),
        hs256_token("[]", kPayload),
        hs256_token("null", kPayload),
        hs256_token("", kPayload),
        hs256_token(R"({"alg":"HS256"} )"
                    "x",
                    kPayload),
        hs256_token(R"({"alg":"none","alg":"HS256"})", kPayload),
        hs256_token(R"({"alg":"HS256","x":{"y":1,"y":2}})", kPayload),
        hs256_token(R"({"alg":"HS256","crit":["exp"]})", kPayload),
        hs256_token(R"({"alg":"HS256","crit":[]})", kPayload),
        hs256_token(R"({"alg":"HS256","crit":["b64"],"b64":false})", kPayload),
        hs256_token(R"({"alg":"HS256","x":[[[[[[[[[[1]]]]]]]]]]})", kPayload)}) {
    EXPECT_EQ(verdict(check, text), RefusalReason::token_malformed) << text.substr(0, 100);
  }
}

TEST(Jwt, RefusesAPayloadThatTwoReadersCouldReadDifferently) {
  auto check = with_secret();
  for (const char* payload : {"", "{", "[]", "\"x\"", R"({"exp":1300000060,"exp":9999999999})",
                              R"({"exp":1300000060,"\u0065xp":9999999999})",
                              R"({"exp":1300000060,})", R"({"exp":1300000060}/**/)",
                              R"({"exp":1300000060,"sub":")"
                              "\xff"
                              R"("})",
                              R"({"exp":1300000060,"a":[{"b":1,"b":1}]})",
                              R"({"exp":1300000060,"a":01})", R"({"exp":1300000060,"a":NaN})"}) {
    EXPECT_EQ(verdict(check, hs256_token(payload)), RefusalReason::token_malformed) << payload;
  }
}

TEST(Jwt, RemembersGoodTokensButNotForLongerThanTheyLive) {
  const EcKey key;
  JwtCheck check(keys_of(key.jwks()), {"", "", std::chrono::seconds(30)});
  const std::string token = key.token(kEs256, kPayload);
  EXPECT_EQ(verdict(check, "x." + token), RefusalReason::token_malformed);
  EXPECT_EQ(verdict(check, EcKey().token(kEs256, kPayload)), RefusalReason::token_signature);
  EXPECT_EQ(check.remembered(), 0U);
  EXPECT_EQ(verdict(check, token), RefusalReason::none);
  EXPECT_EQ(verdict(check, token), RefusalReason::none);
  EXPECT_EQ(check.remembered(), 1U);
  EXPECT_EQ(verdict(check, token, kNow + std::chrono::seconds(89)), RefusalReason::none);
  EXPECT_EQ(verdict(check, token, kNow + std::chrono::seconds(90)), RefusalReason::token_expired);
  EXPECT_EQ(check.remembered(), 0U);
  EXPECT_EQ(verdict(check, token, kNow + std::chrono::seconds(90)), RefusalReason::token_expired);
  EXPECT_EQ(check.remembered(), 0U);
}

TEST(Verified, TheOneNotAskedForTheLongestGoesFirst) {
  Verified verified(2);
  const auto claims = std::make_shared<const boost::json::object>();
  verified.add(fingerprint("a"), claims);
  verified.add(fingerprint("b"), claims);
  EXPECT_EQ(verified.find(fingerprint("a")), claims);
  verified.add(fingerprint("c"), claims);
  verified.add(fingerprint("c"), claims);
  EXPECT_EQ(verified.size(), 2U);
  EXPECT_EQ(verified.find(fingerprint("b")), nullptr);
  EXPECT_NE(verified.find(fingerprint("a")), nullptr);
  EXPECT_NE(verified.find(fingerprint("c")), nullptr);
  verified.forget(fingerprint("a"));
  verified.forget(fingerprint("x"));
  EXPECT_EQ(verified.size(), 1U);
}

}  // namespace
}  // namespace sluice::proxy::middleware::token
