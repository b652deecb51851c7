#include "proxy/middleware/token/claims.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/middleware/token/fixed.hpp"
#include "proxy/middleware/token/strict_json.hpp"

namespace sluice::proxy::middleware::token {
namespace {

using namespace std::chrono_literals;
using metrics::RefusalReason;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RefusalReason reason(std::string_view payload, const Expected& expected = {},
                     std::chrono::milliseconds now = 1000s) {
  const auto claims = parse_object(payload);
  EXPECT_TRUE(claims.has_value()) << payload;
  const auto refused = refuse_claims(*claims, expected, WallTime(now));
  return refused ? refused->reason : RefusalReason::none;
}

TEST(TokenClaims, ATokenLivesUntilItsExpiryAndTheLeeway) {
  const Expected leeway{"", "", 30s};
  EXPECT_EQ(reason(R"({"exp":1001})"), RefusalReason::none);
  EXPECT_EQ(reason(R"({"exp":1000})"), RefusalReason::token_expired);
  EXPECT_EQ(reason(R"({"exp":1000.5})"), RefusalReason::none);
  EXPECT_EQ(reason(R"({"exp":1000.5})", {}, 1000500ms), RefusalReason::token_expired);
  EXPECT_EQ(reason(R"({"exp":1e3})", {}, 999s), RefusalReason::none);
  EXPECT_EQ(reason(R"({"exp":971})", leeway), RefusalReason::none);
  EXPECT_EQ(reason(R"({"exp":970})", leeway), RefusalReason::token_expired);
  EXPECT_EQ(reason(R"({"exp":0})"), RefusalReason::token_expired);
}

TEST(TokenClaims, ATokenIsNotValidBeforeItsTime) {
  const Expected leeway{"", "", 30s};
  EXPECT_EQ(reason(R"({"exp":2000,"nbf":1000})"), RefusalReason::none);
  EXPECT_EQ(reason(R"({"exp":2000,"nbf":1001})"), RefusalReason::token_not_yet_valid);
  EXPECT_EQ(reason(R"({"exp":2000,"nbf":1030})", leeway), RefusalReason::none);
  EXPECT_EQ(reason(R"({"exp":2000,"nbf":1031})", leeway), RefusalReason::token_not_yet_valid);
  EXPECT_EQ(reason(R"({"exp":2000,"iat":1031})", leeway), RefusalReason::token_not_yet_valid);
  EXPECT_EQ(reason(R"({"exp":2000,"iat":1030,"nbf":5})", leeway), RefusalReason::none);
}

TEST(TokenClaims, TimesAreNumbersWithinReason) {
  for (const char* payload :
       {"{}", R"({"exp":"2000"})", R"({"exp":null})", R"({"exp":true})", R"({"exp":-1})",
        R"({"exp":-0.5})", R"({"exp":[2000]})", R"({"exp":{"exp":2000}})", R"({"exp":1e300})",
        R"({"exp":253402300800})", R"({"exp":18446744073709551615})",
        R"({"exp":99999999999999999999999999})", R"({"exp":2000,"nbf":"0"})",
        R"({"exp":2000,"iat":-5})", R"({"a":{"exp":2000}})"}) {
    EXPECT_EQ(reason(payload), RefusalReason::token_malformed) << payload;
  }
}

TEST(TokenClaims, AudienceAndIssuerAreHeldAgainstTheOptions) {
  const Expected ours{"reports", "https://id.example.com", 0s};
  const auto with = [&](const std::string& more) {
    return reason(R"({"exp":2000)" + more + "}", ours);
  };
  const std::string issuer = R"(,"iss":"https://id.example.com")";
  EXPECT_EQ(with(issuer + R"(,"aud":"reports")"), RefusalReason::none);
  EXPECT_EQ(with(issuer + R"(,"aud":["other","reports"])"), RefusalReason::none);
  for (const char* audience :
       {"", R"(,"aud":"report")", R"(,"aud":"REPORTS")", R"(,"aud":[])", R"(,"aud":[["reports"]])",
        R"(,"aud":{"reports":1})", R"(,"aud":1)"}) {
    EXPECT_EQ(with(issuer + audience), RefusalReason::token_audience) << audience;
  }
  for (const char* other : {"", R"(,"iss":"https://id.example.com/")", R"(,"iss":1)",
                            R"(,"iss":["https://id.example.com"])"}) {
    EXPECT_EQ(with(std::string(other) + R"(,"aud":"reports")"), RefusalReason::token_issuer);
  }
}

TEST(TokenClaims, AreTextsForPatterns) {
  const auto claims = *parse_object(
      R"({"a":"x","b":5,"c":-7,"d":18446744073709551615,"e":true,"f":1.5,"g":["r",1,false,null,["s"]],
          "h":null,"i":{"x":1},"j":[],"k":3e2})");
  EXPECT_THAT(texts_of(claims.at("a")), ElementsAre("x"));
  EXPECT_THAT(texts_of(claims.at("b")), ElementsAre("5"));
  EXPECT_THAT(texts_of(claims.at("c")), ElementsAre("-7"));
  EXPECT_THAT(texts_of(claims.at("d")), ElementsAre("18446744073709551615"));
  EXPECT_THAT(texts_of(claims.at("e")), ElementsAre("true"));
  EXPECT_THAT(texts_of(claims.at("f")), ElementsAre("1.5"));
  EXPECT_THAT(texts_of(claims.at("g")), ElementsAre("r", "1", "false"));
  EXPECT_THAT(texts_of(claims.at("h")), IsEmpty());
  EXPECT_THAT(texts_of(claims.at("i")), IsEmpty());
  EXPECT_THAT(texts_of(claims.at("j")), IsEmpty());
  EXPECT_THAT(texts_of(claims.at("k")), ElementsAre("300"));
}

// ---- fixed tokens

std::string problem(std::string_view text) {
  const auto parsed = parse_fixed_tokens(text);
  const auto* found = std::get_if<std::string>(&parsed);
  return found == nullptr ? std::string() : *found;
}

TEST(FixedTokens, AreLinesWithANameOrWithout) {
  FixedCheck check(std::get<0>(
      parse_fixed_tokens("# services\n\nplain-token-1\r\n  reports \t token-2  \nlast token#3")));
  const auto subject = [&](std::string_view token) -> std::string {
    const auto result = check.check(token, {});
    if (const auto* refused = std::get_if<Refused>(&result)) {
      EXPECT_EQ(refused->reason, RefusalReason::token_unknown);
      return "refused";
    }
    return text_member(*std::get<Claims>(result), "sub").value_or("nobody");
  };
  EXPECT_EQ(subject("plain-token-1"), "nobody");
  EXPECT_EQ(subject("token-2"), "reports");
  EXPECT_EQ(subject("token#3"), "last");
  for (const char* token : {"plain-token-", "plain-token-11", "reports", "#", "# services", "",
                            "reports \t token-2", "last token#3", "token-2 "}) {
    EXPECT_EQ(subject(token), "refused") << token;
  }
}

TEST(FixedTokens, ThatMakeNoSenseAreNamedByTheirLine) {
  EXPECT_THAT(problem(""), HasSubstr("no token"));
  EXPECT_THAT(problem("\n \n# x\n"), HasSubstr("no token"));
  EXPECT_EQ(problem("a\n\nb c d\n"), "line 3 has more than a name and a token");
  EXPECT_EQ(problem("n1 a\nb\nn2 a"), "line 3 repeats the token of an earlier line");
}

}  // namespace
}  // namespace sluice::proxy::middleware::token
