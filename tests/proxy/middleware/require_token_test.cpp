#include "proxy/middleware/require_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "tests/proxy/middleware/door.hpp"
#include "tests/proxy/middleware/signing.hpp"

namespace sluice::proxy::middleware {
namespace {

using config::RequireToken;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using token::hs256_token;
using token::kSecret;

constexpr const char* kParameter = "sluice.token";

RequireToken secret_options() {
  RequireToken options;
  options.hmac_sha256_secret = std::string(kSecret);
  return options;
}

std::string payload(const std::string& more) {  // of a token that is good at Door's time
  return R"({"exp":1800000060)" + more + "}";
}

// A login with this token; of `reason` the one of its refusal.
struct Entry {
  Entry(const RequireToken& options, const std::string& token_text) : made(make(options)) {
    EXPECT_TRUE(made) << made.failure().text;
    door.attributes = {{"sluice.other", "x"}, {kParameter, token_text}};
    verdict = door.enter(**made);
  }
  RefusalReason reason() const { return verdict.reason; }

  Made made;
  Door door;
  Verdict verdict;
};

TEST(RequireToken, LetsAGoodTokenInWithItsClaims) {
  const Entry entry(secret_options(),
                    hs256_token(payload(R"(,"sub":"bob","roles":["a","b"],"x":{"y":1},"n":7)")));
  EXPECT_EQ(entry.verdict.kind, Verdict::Kind::allow);
  EXPECT_THAT(entry.door.login->claims,
              ElementsAre(Pair("exp", "1800000060"), Pair("sub", "bob"), Pair("roles", "a"),
                          Pair("roles", "b"), Pair("n", "7")));
  EXPECT_TRUE(entry.door.login->settings.empty());
  EXPECT_TRUE(entry.door.login->fixed.empty());
}

TEST(RequireToken, TellsTheClientOneThingAndTheLogAnother) {
  const std::string good = hs256_token(payload(R"(,"sub":"canary-subject")"));
  const std::string expired = hs256_token(R"({"exp":1799990000,"sub":"canary-subject"})");
  std::string text;
  for (const auto& [given, reason] : std::vector<std::pair<std::string, RefusalReason>>{
           {"", RefusalReason::token_missing},
           {std::string(8193, 'a'), RefusalReason::token_oversized},
           {std::string(8192, 'a'), RefusalReason::token_malformed},
           {good + "=", RefusalReason::token_malformed},
           {expired, RefusalReason::token_expired},
           {good.substr(0, good.rfind('.') + 1), RefusalReason::token_signature}}) {
    const Entry entry(secret_options(), given);
    ASSERT_EQ(entry.verdict.kind, Verdict::Kind::refuse);
    EXPECT_EQ(entry.reason(), reason);
    const auto& failure = *entry.verdict.failure;
    EXPECT_EQ(failure.kind, protocol::FailureKind::token_invalid);
    text = text.empty() ? failure.text : text;
    EXPECT_EQ(failure.text, text);
    EXPECT_THAT(failure.text, HasSubstr("token missing or not valid"));
    EXPECT_THAT(failure.text, HasSubstr(kParameter));
    EXPECT_FALSE(failure.detail.empty());
    EXPECT_THAT(failure.detail, Not(HasSubstr("canary")));
    EXPECT_TRUE(entry.door.login->claims.empty());
  }
}

TEST(RequireToken, LooksAtItsOwnParameterOnly) {
  auto made = make(secret_options());
  ASSERT_TRUE(made);
  Door door;
  const std::string good = hs256_token(payload(""));
  EXPECT_EQ(door.enter(**made).reason, RefusalReason::token_missing);
  door.attributes = {{"sluice_token", good}, {"token", good}};
  EXPECT_EQ(door.enter(**made).reason, RefusalReason::token_missing);
  door.attributes = {{"Sluice.TOKEN", good}};
  EXPECT_EQ(door.enter(**made).kind, Verdict::Kind::allow);
  door.attributes = {{kParameter, good}, {kParameter, good}};
  EXPECT_EQ(door.enter(**made).kind, Verdict::Kind::allow);
  door.attributes = {{kParameter, good}, {kParameter, "other"}};
  EXPECT_EQ(door.enter(**made).reason, RefusalReason::token_malformed);
}

TEST(RequireToken, HoldsClaimsAgainstPatterns) {
  auto options = secret_options();
  options.claims = {{"scope", "db:*"}, {"level", "[3-9]"}};
  const auto reason = [&](const std::string& more) {
    return Entry(options, hs256_token(payload(more))).reason();
  };
  EXPECT_EQ(reason(R"(,"scope":"db:read","level":5)"), RefusalReason::none);
  EXPECT_EQ(reason(R"(,"scope":["mail","db:read"],"level":5)"), RefusalReason::none);
  EXPECT_EQ(reason(R"(,"scope":"mail","level":5)"), RefusalReason::token_claim);
  EXPECT_EQ(reason(R"(,"scope":["mail"],"level":5)"), RefusalReason::token_claim);
  EXPECT_EQ(reason(R"(,"scope":"db:read","level":2)"), RefusalReason::token_claim);
  EXPECT_EQ(reason(R"(,"scope":"db:read")"), RefusalReason::token_claim);
  EXPECT_EQ(reason(R"(,"scope":{"db:read":1},"level":5)"), RefusalReason::token_claim);
}

TEST(RequireToken, ExposesClaimsAsSettingsThatTheClientCannotChange) {
  auto options = secret_options();
  options.expose = {{"sub", "App.User"}, {"roles", "app.roles"}, {"n", "@app_n"}};
  const std::string good = hs256_token(payload(R"(,"sub":"o'bob","roles":["a","","b"],"n":7)"));
  const Entry entry(options, good);
  ASSERT_EQ(entry.reason(), RefusalReason::none);
  EXPECT_THAT(entry.door.login->settings,
              ElementsAre(Pair("app.user", "o'bob"), Pair("app.roles", "a,,b")));
  EXPECT_THAT(entry.door.login->fixed, ElementsAre("app.user", "app.roles"));

  auto made = make(options);
  Door door;
  door.identity.protocol = protocol::Protocol::mysql;
  door.attributes = {{kParameter, good}};
  EXPECT_EQ(door.enter(**made).kind, Verdict::Kind::allow);
  EXPECT_THAT(door.login->settings, ElementsAre(Pair("@app_user", "o'bob"),
                                                Pair("@app_roles", "a,,b"), Pair("@app_n", "7")));
  EXPECT_THAT(door.login->fixed, ElementsAre("@app_user", "@app_roles", "@app_n"));
}

TEST(RequireToken, RefusesATokenWhoseClaimCannotBeExposed) {
  auto options = secret_options();
  options.expose = {{"tenant", "app.tenant"}};
  const auto reason = [&](const std::string& more) {
    return Entry(options, hs256_token(payload(more))).reason();
  };
  EXPECT_EQ(reason(R"(,"tenant":"")"), RefusalReason::none);
  EXPECT_EQ(reason(R"(,"tenant":"a,b")"), RefusalReason::none);
  for (const char* more : {"", R"(,"tenant":null)", R"(,"tenant":{"a":1})", R"(,"tenant":[])",
                           R"(,"tenant":"a\u0000b")", R"(,"tenant":["a","b,c"])"}) {
    EXPECT_EQ(reason(more), RefusalReason::token_claim) << more;
  }
}

TEST(RequireToken, TakesFixedTokens) {
  RequireToken options;
  options.tokens = "reports fixed-token-of-reports\n";
  options.expose = {{"sub", "app.service"}};
  const Entry good(options, "fixed-token-of-reports");
  EXPECT_EQ(good.reason(), RefusalReason::none);
  EXPECT_THAT(good.door.login->claims, ElementsAre(Pair("sub", "reports")));
  EXPECT_THAT(good.door.login->settings, ElementsAre(Pair("app.service", "reports")));
  EXPECT_EQ(Entry(options, "reports").reason(), RefusalReason::token_unknown);
}

class JwksFile {
 public:
  explicit JwksFile(const std::string& text) { std::ofstream(path) << text; }
  ~JwksFile() { std::remove(path.c_str()); }
  JwksFile(const JwksFile&) = delete;
  JwksFile& operator=(const JwksFile&) = delete;

  const std::string path = ::testing::TempDir() + "sluice-jwks-test.json";
};

TEST(RequireToken, TakesTokensByAFileOfKeys) {
  const token::EcKey key;
  const JwksFile file(key.jwks());
  RequireToken options;
  options.jwks_file = file.path;
  options.audience = "reports";
  const auto reason = [&](const std::string& audience) {
    return Entry(options, key.token(R"({"alg":"ES256"})", payload(R"(,"aud":")" + audience + "\"")))
        .reason();
  };
  EXPECT_EQ(reason("reports"), RefusalReason::none);
  EXPECT_EQ(reason("mail"), RefusalReason::token_audience);
}

std::string problem(const RequireToken& options) {
  const auto made = make(options);
  return made ? std::string() : made.failure().text;
}

TEST(RequireToken, SaysWhatIsWrongWithItsOptions) {
  EXPECT_THAT(problem({}), HasSubstr("exactly one of"));
  auto two = secret_options();
  two.tokens = "a";
  EXPECT_THAT(problem(two), HasSubstr("exactly one of"));
  RequireToken short_secret;
  short_secret.hmac_sha256_secret = "canary-secret";
  EXPECT_THAT(problem(short_secret), HasSubstr("has 13 bytes: HS256 needs at least 32"));
  EXPECT_THAT(problem(short_secret), Not(HasSubstr("canary")));
  RequireToken tokens;
  tokens.tokens = "a b canary";
  EXPECT_THAT(problem(tokens), HasSubstr("line 1 has more"));
  EXPECT_THAT(problem(tokens), Not(HasSubstr("canary")));
  tokens.tokens = "a";
  tokens.audience = "x";
  EXPECT_THAT(problem(tokens), HasSubstr("audience and issuer are of JWTs"));
  RequireToken keys;
  keys.jwks_file = "/nonexistent/jwks.json";
  EXPECT_THAT(problem(keys), HasSubstr("/nonexistent/jwks.json"));
  const JwksFile empty(R"({"keys":[]})");
  keys.jwks_file = empty.path;
  EXPECT_THAT(problem(keys), HasSubstr("no key that can be used"));
  for (const char* setting :
       {"", "@", "app user", "app.", ".app", "a..b", "1a", "a-b", "@@a", "a'"}) {
    auto options = secret_options();
    options.expose = {{"sub", setting}};
    EXPECT_THAT(problem(options), HasSubstr("must be the name of a setting")) << setting;
  }
  auto role = secret_options();
  role.expose = {{"sub", "Role"}};
  EXPECT_THAT(problem(role), HasSubstr("belongs to its login"));
  auto pattern = secret_options();
  pattern.claims = {{"sub", "[a"}};
  EXPECT_THAT(problem(pattern), HasSubstr("shell pattern"));
  auto nowhere = secret_options();
  nowhere.parameter = "";
  EXPECT_THAT(problem(nowhere), HasSubstr("where the token travels"));
}

}  // namespace
}  // namespace sluice::proxy::middleware
