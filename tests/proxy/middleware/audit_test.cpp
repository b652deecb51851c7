#include "proxy/middleware/audit.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "scratch_folder.hpp"
#include "stage.hpp"

namespace sluice::proxy::middleware {
namespace {

using namespace std::chrono_literals;
using protocol::Answer;
using protocol::FailureKind;
using protocol::RequestKind;

class Audit : public testing::Test {
 protected:
  void begin(config::Audit options = {}) {
    options.file = path();
    Made made = make(options);
    ASSERT_TRUE(made) << made.failure().text;
    middleware_ = std::move(*made);
    part_ = middleware_->begin(stage_.place());
  }
  void log_in(const Verdict& verdict = {}, protocol::Parameters claims = {}) {
    const protocol::Parameters none;
    Login login{stage_.identity, none, at(0ms)};
    login.claims = std::move(claims);
    Verdict own;
    part_->on_login(login, own);
    part_->on_login_end(login, verdict);
  }
  void run(Statement statement, bool in_transaction = false, const Answer& answer = {}) {
    part_->on_decided(statement.request(in_transaction), at(1000ms), {});
    part_->on_answer(statement.asked(at(1000ms), in_transaction), answer, at(1002ms));
  }
  std::string path() const { return folder_ / "audit.jsonl"; }
  // All lines; the middleware is gone after it.
  std::vector<boost::json::object> lines() {
    part_.reset();
    middleware_.reset();  // writes what is queued
    std::vector<boost::json::object> all;
    std::istringstream text(content(path()));
    for (std::string line; std::getline(text, line);) {
      all.push_back(boost::json::parse(line).as_object());
    }
    return all;
  }
  static std::string word(const boost::json::object& line, std::string_view key) {
    const auto* value = line.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : "-";
  }

  const ScratchFolder folder_;
  Stage stage_;
  std::unique_ptr<Middleware> middleware_;
  std::unique_ptr<Part> part_;
  Statement select_{"SELECT 'canary'", "select ?", {StatementKind::select}};
  Statement begin_{"BEGIN", StatementKind::begin};
  Statement commit_{"COMMIT", StatementKind::commit};
};

TEST_F(Audit, TellsOfTheSessionAndOfEachStatementWithoutItsLiterals) {
  begin();
  log_in({}, {{"sub", "somebody"}});
  Answer answer;
  answer.rows = 3;
  run(select_, false, answer);
  part_->on_close(at(90500ms));
  const auto all = lines();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(word(all[0], "event"), "login");
  EXPECT_EQ(word(all[0], "verdict"), "allowed");
  EXPECT_EQ(boost::json::serialize(all[0].at("claims")), R"(["sub"])");
  EXPECT_EQ(boost::json::serialize(all[1]),
            R"({"time":"2026-01-31T09:00:01.002000Z","event":"statement","session":7,)"
            R"("protocol":"postgresql","listener":"pg","route":"pets","user":"app",)"
            R"("database":"petsdb","client":"192.0.2.7","request":"query","kind":")" +
                std::string(protocol::sql::kind_name(StatementKind::select)) +
                R"(","in_transaction":false,"fingerprint":"0123456789abcdef","transaction":1,)"
                R"("rows":3,"ms":2E0,"verdict":"allowed"})");
  EXPECT_EQ(word(all[2], "event"), "close");
  EXPECT_EQ(boost::json::value_to<double>(all[2].at("seconds")), 90.5);
  EXPECT_EQ(boost::json::value_to<int>(all[2].at("requests")), 1);
  EXPECT_EQ(content(path()).find("canary"), std::string::npos);
  EXPECT_EQ(content(path()).find("somebody"), std::string::npos);
}

TEST_F(Audit, SaysHowEachStatementEnded) {
  stage_.identity.protocol = protocol::Protocol::mysql;
  begin();
  Answer answer;
  answer.end = Answer::End::failed;
  answer.sqlstate = "42S02";
  answer.mysql_errno = 1146;
  run(select_, false, answer);
  for (const auto end : {Answer::End::limited, Answer::End::skipped, Answer::End::lost}) {
    Answer other;
    other.end = end;
    run(select_, false, other);
  }
  const auto all = lines();
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(word(all[0], "verdict"), "failed");
  EXPECT_EQ(word(all[0], "sqlstate"), "42S02");
  EXPECT_EQ(boost::json::value_to<int>(all[0].at("errno")), 1146);
  EXPECT_EQ(word(all[1], "verdict"), "limited");
  EXPECT_EQ(word(all[2], "verdict"), "skipped");
  EXPECT_EQ(word(all[3], "verdict"), "lost");
}

TEST_F(Audit, RefusalsAreTold) {
  begin();
  Verdict refused;
  refused.refuse(RefusalReason::token_expired, protocol::fail(FailureKind::token_invalid, "no"));
  log_in(refused);
  part_->on_close(at(1s));  // it never was in: nothing to close
  refused.refuse(RefusalReason::rule, protocol::fail(FailureKind::statement_refused, "no"));
  protocol::Request request = select_.request(true);
  request.kind = RequestKind::prepare;
  part_->on_decided(request, at(0ms), refused);
  const auto all = lines();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(word(all[0], "event"), "login");
  EXPECT_EQ(word(all[0], "verdict"), "refused");
  EXPECT_EQ(word(all[0], "failure"), "token_invalid");
  EXPECT_EQ(word(all[0], "reason"), "token_expired");
  EXPECT_EQ(word(all[1], "request"), "prepare");
  EXPECT_EQ(word(all[1], "failure"), "statement_refused");
  EXPECT_EQ(word(all[1], "reason"), "rule");
  EXPECT_EQ(word(all[1], "fingerprint"), "0123456789abcdef");
}

TEST_F(Audit, APreparedStatementIsToldWhenItRuns) {
  begin();
  protocol::Request request = select_.request(false);
  request.kind = RequestKind::prepare;
  part_->on_decided(request, at(0ms), {});
  request.kind = RequestKind::execute;
  part_->on_decided(request, at(0ms), {});
  Asked asked = select_.asked(at(0ms), false);
  asked.kind = RequestKind::execute;
  part_->on_answer(asked, {}, at(0ms));
  const auto all = lines();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(word(all[0], "request"), "execute");
}

TEST_F(Audit, TextIsTheStatementAsItWasSentUnlessItMayHoldASecret) {
  begin({.statements = config::AuditStatements::text});
  EXPECT_TRUE(middleware_->wants().text);
  run(select_);
  run({"ALTER USER a PASSWORD 'hunter2'", "alter user a password ?", {StatementKind::grant}});
  const std::string large(70000, 'x');
  run({large, "x", {StatementKind::other}});
  const auto all = lines();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(word(all[0], "text"), "SELECT 'canary'");
  EXPECT_EQ(word(all[1], "text"), "alter user a password ?");
  EXPECT_TRUE(all[1].at("literals_removed").as_bool());
  EXPECT_EQ(word(all[2], "text").size(), 65536U);
  EXPECT_EQ(boost::json::value_to<int>(all[2].at("text_bytes")), 70000);
  EXPECT_EQ(content(path()).find("hunter2"), std::string::npos);
}

TEST_F(Audit, NothingOfAStatementButItsKindWhereThatIsAskedFor) {
  begin({.statements = config::AuditStatements::none});
  run(select_);
  const auto all = lines();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_FALSE(all[0].contains("fingerprint"));
  EXPECT_FALSE(all[0].contains("text"));
  EXPECT_TRUE(all[0].contains("kind"));
}

TEST_F(Audit, SomeKindsAlone) {
  begin({.kinds = {"insert", "delete"}});
  run(select_);
  run({"i", StatementKind::insert});
  run({"b; d", "b; d", {StatementKind::begin, StatementKind::delete_}});
  const auto all = lines();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(word(all[0], "kind"), "insert");
  EXPECT_EQ(word(all[1], "kind"), "begin");
}

TEST_F(Audit, NumbersTransactions) {
  begin();
  run(select_);        // 1
  run(begin_);         // 2
  run(select_, true);  // 2
  run(commit_, true);  // 2
  run(begin_);         // 3
  Answer failed;
  failed.end = Answer::End::failed;
  run(select_, true, failed);  // 3
  run(commit_, true);          // 3
  run(select_, true);          // 4: COMMIT AND CHAIN
  // A pipeline: what is asked before BEGIN is answered is told to be outside.
  const std::vector<Statement> pipeline{begin_, select_, commit_, select_};
  for (Statement statement : pipeline) {
    part_->on_decided(statement.request(false), at(0ms), {});
  }
  for (const Statement& statement : pipeline) {
    part_->on_answer(statement.asked(at(0ms), false), {}, at(0ms));  // 5, 5, 5, 6
  }
  run(select_);  // 7
  std::string numbers;
  for (const auto& line : lines()) {
    numbers += std::to_string(boost::json::value_to<int>(line.at("transaction")));
  }
  EXPECT_EQ(numbers, "1222333455567");
}

TEST_F(Audit, AStatementCarriesItsTrace) {
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  Statement traced("SELECT 1 /*traceparent='" + trace + "'*/", "select ?", {StatementKind::select});
  Statement forged("SELECT 1 /*traceparent='<script>'*/", "select ?", {StatementKind::select});
  begin();
  for (Statement* one : {&traced, &forged, &traced}) {
    part_->on_decided(one->request(false), at(0ms), {});
  }
  for (const Statement* one : {&traced, &forged, &traced}) {
    part_->on_answer(one->asked(at(0ms), false), {}, at(0ms));
  }
  const auto all = lines();
  EXPECT_EQ(word(all.at(0), "traceparent"), trace);
  EXPECT_EQ(word(all.at(1), "traceparent"), "-");
  EXPECT_EQ(word(all.at(2), "traceparent"), trace);
}

TEST_F(Audit, WhatFindsTheQueueFullIsCounted) {
  config::Audit options;
  options.queue = 1;
  begin(options);
  for (int at = 0; at < 2000; ++at) {
    run(select_);
  }
  const std::uint64_t dropped = stage_.instruments.dropped.value();
  EXPECT_GT(dropped, 0U);
  EXPECT_EQ(lines().size() + dropped, 2000U);
}

TEST_F(Audit, IsRefusedWhereItCannotWork) {
  config::Audit options;
  options.file = folder_ / "none/audit.jsonl";
  const Made missing = make(options);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.failure().text.find("audit: cannot write to "), 0U) << missing.failure().text;
  options.file = path();
  options.kinds = {"selects"};
  const Made unknown = make(options);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.failure().text.find("\"selects\""), std::string::npos);
}

}  // namespace
}  // namespace sluice::proxy::middleware
