// Who may ask: pages of other sites, other hosts' names, passwords and those who guess them.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <variant>

#include "protocol/crypto.hpp"
#include "proxy/admin/authenticator.hpp"
#include "proxy/admin/guard.hpp"
#include "tests/support/scripted_operator.hpp"

namespace sluice::proxy::admin {
namespace {

using namespace std::chrono_literals;
using test::ScriptedOperator;

Request request_with(Headers headers) {
  Request request;
  request.method = "POST";
  request.path = "/api/v1/reload";
  request.headers = std::move(headers);
  request.caller.address = "192.0.2.1:5000";
  return request;
}

// The status of the refusal; 0: it may go on.
unsigned refusal(Headers headers, bool acts = false, Reach reach = {false}) {
  const auto refused = refuse_foreign(request_with(std::move(headers)), acts, reach);
  return refused ? refused->status : 0;
}

TEST(AdminGuard, HostMustNameThisMachineWhereOnlyThisMachineIsServed) {
  const Reach loopback{true};
  for (const char* host : {"localhost", "LocalHost:9127", "127.0.0.1:9127", "127.8.8.8", "[::1]:9",
                           "[::ffff:127.0.0.1]"}) {
    EXPECT_EQ(refusal({{"Host", host}}, false, loopback), 0U) << host;
  }
  for (const char* host : {"rebound.example", "localhost.rebound.example", "127.0.0.1.example:80",
                           "192.0.2.7", "[2001:db8::1]", "10.0.0.1:9127"}) {
    EXPECT_EQ(refusal({{"Host", host}}, false, loopback), 421U) << host;
    EXPECT_EQ(refusal({{"Host", host}}), 0U) << host;
  }
  EXPECT_EQ(refusal({}), 400U);
  EXPECT_EQ(refusal({{"Host", "["}}), 400U);
  EXPECT_EQ(refusal({{"Host", "localhost"}, {"host", "rebound.example"}}), 400U);
}

TEST(AdminGuard, TheUnixSocketHasNoHost) {
  Request request = request_with({});
  request.caller.unix_socket = true;
  EXPECT_FALSE(refuse_foreign(request, false, {true}));
  EXPECT_EQ(refuse_foreign(request, true, {true})->status, 403U);
}

TEST(AdminGuard, ForeignOriginsAreRefused) {
  const auto from = [](const char* origin) {
    return refusal({{"Host", "sluice.example:9127"}, {"Origin", origin}});
  };
  EXPECT_EQ(from("http://sluice.example:9127"), 0U);
  EXPECT_EQ(from("https://Sluice.Example:9127"), 0U);  // TLS may end in front of sluice
  for (const char* origin : {"http://other.example", "http://sluice.example", "null", "",
                             "http://sluice.example:9127.other.example",
                             "http://other.example/http://sluice.example:9127"}) {
    EXPECT_EQ(from(origin), 403U) << origin;
  }
  Request secure = request_with({{"Host", "a.example"}, {"Origin", "http://a.example"}});
  secure.caller.tls = true;
  EXPECT_EQ(refuse_foreign(secure, false, {})->status, 403U);
}

TEST(AdminGuard, FetchesFromOtherSitesAreRefused) {
  const auto from = [](const char* site) {
    return refusal({{"Host", "a.example"}, {"Sec-Fetch-Site", site}});
  };
  EXPECT_EQ(from("same-origin"), 0U);
  EXPECT_EQ(from("none"), 0U);  // typed by hand
  EXPECT_EQ(from("same-site"), 403U);
  EXPECT_EQ(from("cross-site"), 403U);
  EXPECT_EQ(from(""), 403U);
}

TEST(AdminGuard, WhatActsNeedsTheHeaderThatNoForeignPageCanSend) {
  EXPECT_EQ(refusal({{"Host", "a"}}, true), 403U);
  EXPECT_EQ(refusal({{"Host", "a"}, {"X-Sluice-Request", "0"}}, true), 403U);
  EXPECT_EQ(refusal({{"Host", "a"}, {"x-sluice-request", "1"}}, true), 0U);
}

class AdminAuthenticator : public testing::Test {
 protected:
  AdminAuthenticator() { house_.password = "correct:horse"; }

  std::variant<Identity, Unknown> ask(const std::string& user, const std::string& password) {
    const std::string both = user + ":" + password;
    return ask_with(
        "Basic " +
        protocol::base64_encode({reinterpret_cast<const std::uint8_t*>(both.data()), both.size()}));
  }
  std::variant<Identity, Unknown> ask_with(const std::string& authorization) {
    Request request = request_with({{"Authorization", authorization}});
    request.caller.address = address_ + ":" + std::to_string(++port_);
    return authenticator_.identify(request, now_);
  }
  static bool is(const std::variant<Identity, Unknown>& answer, Unknown why) {
    const auto* unknown = std::get_if<Unknown>(&answer);
    return unknown != nullptr && *unknown == why;
  }

  ScriptedOperator house_;
  Authenticator authenticator_{house_};
  Authenticator::TimePoint now_{1h};
  std::string address_ = "192.0.2.1";
  int port_ = 1000;
};

TEST_F(AdminAuthenticator, TellsUserAndRight) {
  const auto answer = ask("ops", "correct:horse");
  const auto* identity = std::get_if<Identity>(&answer);
  ASSERT_NE(identity, nullptr);
  EXPECT_EQ(identity->actor.user, "ops");
  EXPECT_EQ(identity->actor.where, "http");
  EXPECT_EQ(identity->right, op::Right::act);
}

TEST_F(AdminAuthenticator, TheSocketNeedsNoPassword) {
  Request request = request_with({});
  request.caller = {"uid 1000, pid 4711", true, false};
  const auto answer = authenticator_.identify(request, now_);
  EXPECT_EQ(std::get<Identity>(answer).right, op::Right::act);
  EXPECT_EQ(std::get<Identity>(answer).actor.where, "socket");
  EXPECT_EQ(house_.verified, 0);
}

TEST_F(AdminAuthenticator, WhatIsNotBasicIsNoCredentials) {
  for (const char* value : {"", "Basic", "Basic ", "Basic !!!", "Bearer b3BzOng=", "Basic b3Bz",
                            "Basic b3BzOngAeQ==", "basicb3BzOng="}) {
    EXPECT_TRUE(is(ask_with(value), Unknown::no_credentials)) << value;
  }
  EXPECT_EQ(house_.verified, 0);
}

TEST_F(AdminAuthenticator, ARightPasswordIsVerifiedOnceAMinute) {
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(std::holds_alternative<Identity>(ask("ops", "correct:horse")));
    now_ += 1s;
  }
  EXPECT_EQ(house_.verified, 1);
  now_ += 11s;
  ask("ops", "correct:horse");
  EXPECT_EQ(house_.verified, 2);
  EXPECT_TRUE(is(ask("ops", "correct"), Unknown::wrong));
  // The same bytes: the user ends at the first colon.
  EXPECT_TRUE(std::holds_alternative<Identity>(ask("ops:correct", "horse")));
}

TEST_F(AdminAuthenticator, ANewConfigurationForgets) {
  ask("ops", "correct:horse");
  house_.config_ = std::make_shared<config::Config>();
  house_.password = "new";
  EXPECT_TRUE(is(ask("ops", "correct:horse"), Unknown::wrong));
}

TEST_F(AdminAuthenticator, ARightThatIsTakenAwayIsTakenAtOnce) {
  ask("ops", "correct:horse");
  house_.right = op::Right::read_only;
  EXPECT_EQ(std::get<Identity>(ask("ops", "correct:horse")).right, op::Right::read_only);
}

TEST_F(AdminAuthenticator, GuessingIsSlowedDownForOneCallerAndUser) {
  for (int i = 0; i < static_cast<int>(Authenticator::kFailures); ++i) {
    EXPECT_TRUE(is(ask("ops", std::to_string(i)), Unknown::wrong));
  }
  EXPECT_TRUE(is(ask("ops", "correct:horse"), Unknown::too_many));
  EXPECT_TRUE(is(ask("other", "x"), Unknown::wrong));
  address_ = "192.0.2.2";
  EXPECT_TRUE(std::holds_alternative<Identity>(ask("ops", "correct:horse")));
  address_ = "192.0.2.1";
  // Who is known already is not kept out by others' failures.
  EXPECT_TRUE(std::holds_alternative<Identity>(ask("ops", "correct:horse")));
  EXPECT_TRUE(is(ask("ops", "again"), Unknown::too_many));
  now_ += 1s;
  EXPECT_TRUE(is(ask("ops", "again"), Unknown::wrong));
}

TEST_F(AdminAuthenticator, NamesThatAreMadeUpLetNoFailureBeForgotten) {
  for (int i = 0; i < static_cast<int>(Authenticator::kFailures); ++i) {
    EXPECT_TRUE(is(ask("ops", std::to_string(i)), Unknown::wrong));
  }
  for (std::size_t i = 0; i < 3 * Authenticator::kMaxEntries; ++i) {
    ask("made-up-" + std::to_string(i), "x");
  }
  now_ += 900ms;
  EXPECT_TRUE(is(ask("other", "x"), Unknown::wrong)) << "there is room for verifications again";
  EXPECT_TRUE(is(ask("ops", "again"), Unknown::too_many));
}

TEST_F(AdminAuthenticator, VerificationsAreBoundedInAll) {
  int looked_at = 0;
  for (int i = 0; i < 200; ++i) {
    address_ = "192.0.2." + std::to_string(i);
    looked_at += is(ask("ops", "wrong"), Unknown::wrong) ? 1 : 0;
  }
  EXPECT_EQ(looked_at, static_cast<int>(Authenticator::kVerifications));
  EXPECT_EQ(house_.verified, looked_at);
}

}  // namespace
}  // namespace sluice::proxy::admin
