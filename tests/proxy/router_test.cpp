#include "proxy/router.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace sluice::proxy {
namespace {

using config::Protocol;
using namespace std::string_view_literals;

config::Pool pool_of(Protocol protocol) {
  config::Pool pool;
  pool.protocol = protocol;
  return pool;
}

// A login that every test changes in one thing.
struct Login {
  protocol::Parameters parameters{{"application_name", "pets"}, {"Team", "vets"}};
  protocol::Parameters attributes{{"sluice.env", "prod"}};
  protocol::Parameters claims{{"role", "reader"}, {"role", "writer"}, {"sub", "marie"}};
  Candidate candidate{Protocol::postgresql, "pg",       "app",           "pets",
                      "pets-api",           "10.1.2.3", "CN=app,O=Pets", &parameters,
                      &attributes,          &claims};
};

// "" = it matches.
std::string mismatch(const config::Match& match, const Candidate& candidate) {
  const config::Pool pool = pool_of(Protocol::postgresql);
  const auto found = RouteMatch(match, pool).check(candidate);
  return std::string(found.member) + (found.name.empty() ? "" : "." + std::string(found.name));
}

TEST(Router, AnEmptyMatchTakesAllThatSpeakThePoolsProtocol) {
  Login login;
  EXPECT_EQ(mismatch({}, login.candidate), "");
  login.candidate.protocol = Protocol::mysql;
  EXPECT_EQ(mismatch({}, login.candidate), "protocol");
  config::Match match;
  match.protocol = Protocol::mysql;
  EXPECT_EQ(mismatch(match, login.candidate), "protocol") << "the pool cannot serve it";
}

TEST(Router, EachMemberMustMatch) {
  const Login login;
  struct Row {
    std::function<void(config::Match&)> set;
    std::string_view mismatch;
  };
  const Row rows[] = {
      {[](auto& m) { m.protocol = Protocol::postgresql; }, ""},
      {[](auto& m) { m.protocol = Protocol::mysql; }, "protocol"},
      {[](auto& m) { m.listener = "p?"; }, ""},
      {[](auto& m) { m.listener = "my"; }, "listener"},
      {[](auto& m) { m.user = "a*"; }, ""},
      {[](auto& m) { m.user = "App"; }, "user"},
      {[](auto& m) { m.database = "[op]ets"; }, ""},
      {[](auto& m) { m.database = "pet"; }, "database"},
      {[](auto& m) { m.application_name = "pets-*"; }, ""},
      {[](auto& m) { m.application_name = "owners-*"; }, "application_name"},
      {[](auto& m) { m.tls_subject = "CN=app,*"; }, ""},
      {[](auto& m) { m.tls_subject = "CN=ops,*"; }, "tls_subject"},
      {[](auto& m) {
         m.address = {"192.168.0.0/16", "10.0.0.0/8"};
       },
       ""},
      {[](auto& m) {
         m.address = {"10.2.0.0/16", "::/0"};
       },
       "address"},
      {[](auto& m) {
         m.attributes = {{"team", "vet?"}};
       },
       ""},
      {[](auto& m) {
         m.attributes = {{"sluice.env", "prod"}};
       },
       ""},
      {[](auto& m) {
         m.attributes = {{"team", "*"}, {"shift", "*"}};
       },
       "attributes.shift"},
      {[](auto& m) {
         m.claims = {{"role", "writer"}, {"sub", "m*"}};
       },
       ""},
      {[](auto& m) {
         m.claims = {{"role", "admin"}};
       },
       "claims.role"},
      {[](auto& m) {
         m.claims = {{"Role", "reader"}};
       },
       "claims.Role"},
  };
  for (const Row& row : rows) {
    config::Match match;
    row.set(match);
    EXPECT_EQ(mismatch(match, login.candidate), row.mismatch);
  }
}

TEST(Router, AMappedAddressIsItsIPv4Address) {
  Login login;
  config::Match match;
  match.address = {"10.0.0.0/8"};
  login.candidate.address = "::ffff:10.9.9.9";
  EXPECT_EQ(mismatch(match, login.candidate), "");
  login.candidate.address = "";
  EXPECT_EQ(mismatch(match, login.candidate), "address") << "a unix socket has no address";
}

TEST(Router, WhatALoginDoesNotShowMatchesNothing) {
  Login login;
  login.candidate.claims = nullptr;
  login.candidate.attributes = nullptr;
  config::Match match;
  match.claims = {{"role", "*"}};
  EXPECT_EQ(mismatch(match, login.candidate), "claims.role");
  match = {};
  match.attributes = {{"sluice.env", "*"}};
  EXPECT_EQ(mismatch(match, login.candidate), "attributes.sluice.env");
}

TEST(Router, ShellPatterns) {
  struct Row {
    const char* pattern;
    std::string_view name;
    bool matches;
  };
  for (const Row& row :
       {Row{"", "", true}, Row{"", "anything", true}, Row{"*", "", true}, Row{"*", "a/b", true},
        Row{"*", ".hidden", true}, Row{"pets", "", false}, Row{"pet?", "pets", true},
        Row{"pet?", "pet", false}, Row{"pet[st]", "pett", true}, Row{"pet[!st]", "pets", false},
        Row{"pets", "petshop", false}, Row{"\\*", "*", true}, Row{"\\*", "pets", false}}) {
    Login login;
    login.candidate.database = row.name;
    config::Match match;
    match.database = row.pattern;
    EXPECT_EQ(mismatch(match, login.candidate).empty(), row.matches)
        << row.pattern << " on " << row.name;
  }
}

TEST(Router, ANulByteMatchesNothing) {
  Login login;
  login.candidate.user = "app\0x"sv;
  EXPECT_EQ(mismatch({}, login.candidate), "user");
  login = {};
  login.candidate.database = "pets\0"sv;
  EXPECT_EQ(mismatch({}, login.candidate), "database");
}

}  // namespace
}  // namespace sluice::proxy
