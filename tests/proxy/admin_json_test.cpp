// The views as JSON, held against docs/openapi.json where names and nulls are concerned.

#include "proxy/admin/json.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <set>
#include <string>

#include "proxy/admin/embedded.hpp"
#include "proxy/admin/message.hpp"

namespace sluice::proxy::admin {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

std::set<std::string> names(const json::object& object) {
  std::set<std::string> out;
  for (const auto& member : object) {
    out.insert(std::string(member.key()));
  }
  return out;
}

std::set<std::string> documented(const char* schema) {
  const json::value document = json::parse(
      json::string_view(embedded::openapi_json().data(), embedded::openapi_json().size()));
  return names(document.at("components").at("schemas").at(schema).at("properties").as_object());
}

TEST(AdminJson, EveryMemberIsInTheDocument) {
  EXPECT_EQ(names(to_json(op::StatusView{})), documented("Status"));
  EXPECT_EQ(names(to_json(op::PoolView{})), documented("Pool"));
  EXPECT_EQ(names(to_json(op::SessionView{})), documented("Session"));
  EXPECT_EQ(names(to_json(op::BackendView{})), documented("Backend"));
  EXPECT_EQ(names(to_json(op::RouteView{})), documented("Route"));
  EXPECT_EQ(names(to_json(op::ScheduleView{})), documented("Schedule"));
  EXPECT_EQ(names(to_json(op::PoolTotals{})), documented("Totals"));
  EXPECT_EQ(names(to_json(op::FingerprintView{})), documented("Fingerprint"));
  EXPECT_EQ(names(to_json(op::EventView{})), documented("Event"));
  EXPECT_EQ(names(to_json(op::Reloaded{})), documented("Reloaded"));
}

TEST(AdminJson, TimesAreUtcAndDurationsSeconds) {
  EXPECT_EQ(time_json({}), nullptr);
  EXPECT_EQ(time_json(op::WallTime(1'000'000'000s + 7ms)), "2001-09-09T01:46:40.007Z");
  EXPECT_EQ(json::serialize(seconds_json(2s)), "2");
  EXPECT_EQ(seconds_json(1500ms).as_double(), 1.5);
  EXPECT_EQ(seconds_json(1us).as_double(), 1e-6);
}

TEST(AdminJson, WordsAreThoseOfTheMetrics) {
  op::SessionView session;
  session.state = metrics::ClientState::pinned;
  session.protocol = protocol::Protocol::mysql;
  session.pins.add(protocol::Pin::temporary);
  session.pins.add(protocol::Pin::user_variable);
  const auto shown = to_json(session);
  EXPECT_EQ(shown.at("state"), "pinned");
  EXPECT_EQ(shown.at("protocol"), "mysql");
  EXPECT_EQ(json::serialize(shown.at("pins")), R"(["temporary","user_variable"])");
}

TEST(AdminJson, WhatNobodyKnowsIsNull) {
  op::PoolView pool;
  EXPECT_EQ(to_json(pool).at("up"), nullptr);
  pool.up = false;
  EXPECT_EQ(to_json(pool).at("up"), false);
  pool.max_overflow = -1;
  EXPECT_EQ(to_json(pool).at("max_overflow"), -1);
}

TEST(AdminMessage, TextOfOthersCannotBreakOutOfAnError) {
  const Answer answer = error_answer(400, "bad_request", "\"quoted\"\n<b>\x01");
  EXPECT_EQ(json::parse(answer.body).at("error").at("message"), "\"quoted\"\n<b>\x01");
}

TEST(AdminMessage, WhatIsNoUtf8IsReplacedAndSpoilsNoAnswer) {
  op::SessionView session;
  session.application_name = "caf\xe9 \"\xc3\xa9\"";  // in Latin-1, then in UTF-8
  session.user = "\xff";
  const Answer answer = json_answer(200, json::serialize(to_json(session)));
  const json::value shown = json::parse(answer.body);
  EXPECT_EQ(shown.at("application_name"), "caf\xef\xbf\xbd \"\xc3\xa9\"");
  EXPECT_EQ(shown.at("user"), "\xef\xbf\xbd");
  for (unsigned first = 0x80; first < 0x100; ++first) {
    for (unsigned second = 0x20; second < 0x100; ++second) {
      const std::string bytes{static_cast<char>(first), static_cast<char>(second), 'x'};
      boost::system::error_code error;
      json::parse(error_answer(400, "bad_request", bytes).body, error);
      ASSERT_FALSE(error) << first << " " << second;
    }
  }
}

TEST(AdminMessage, EveryAnswerKeepsBrowsersFromGuessingAndFraming) {
  const std::string bytes = to_bytes(error_answer(404, "not_found", "no"), {false, true});
  EXPECT_TRUE(bytes.starts_with("HTTP/1.1 404 Not Found\r\n"));
  for (const char* line :
       {"X-Content-Type-Options: nosniff\r\n", "X-Frame-Options: DENY\r\n",
        "Content-Security-Policy: default-src 'none';", "Cache-Control: no-store\r\n",
        "Connection: close\r\n", "Content-Type: application/json\r\n"}) {
    EXPECT_NE(bytes.find(line), std::string::npos) << line;
  }
  EXPECT_TRUE(bytes.ends_with("\r\n\r\n"));  // HEAD
}

TEST(AdminMessage, NotModifiedHasNeitherLengthNorBody) {
  Answer answer;
  answer.status = 304;
  answer.etag = "\"1\"";
  const std::string bytes = to_bytes(answer, {});
  EXPECT_EQ(bytes.find("Content-Length"), std::string::npos);
  EXPECT_NE(bytes.find("ETag: \"1\"\r\n"), std::string::npos);
}

}  // namespace
}  // namespace sluice::proxy::admin
