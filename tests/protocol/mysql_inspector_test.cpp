// Whom the Inspector is asked about, when, and what becomes of its verdicts.

#include "tests/protocol/mysql_inspector_fixture.hpp"

namespace sluice::protocol::mysql {
namespace {

using namespace std::string_literals;

class MysqlInspector : public MysqlInspectorTest {
 protected:
  static std::string prepared(std::uint32_t id) {
    return pkt(1, "\0"s + le32(id) + "\1\0\0\0\0\0\0"s) + pkt(2, "column");
  }
  void prepare(std::string_view sql, std::uint32_t id) {
    client(pkt(0, com(Command::stmt_prepare, sql)));
    settle();
    sent();
    backend(prepared(id));
    told();
  }
  static std::string execute(std::uint32_t id, std::uint8_t flags = 0) {
    return pkt(0, com(Command::stmt_execute, le32(id) + static_cast<char>(flags) + "\1\0\0\0"s));
  }
  const std::string not_here = refused(1, fail(FailureKind::statement_refused, "not here"));
};
INSTANTIATE_TEST_SUITE_P(Chunks, MysqlInspector, ::testing::Bool(), chunk_name);

TEST_P(MysqlInspector, IsAskedOnceAndBeforeABackendIsNeeded) {
  begin();
  next = 2;
  client(query("SELECT 1"));
  EXPECT_EQ(need, Need::backend);
  ASSERT_EQ(inspector.asked.size(), 1U);
  EXPECT_EQ(inspector.asked[0].kind, RequestKind::query);
  EXPECT_EQ(inspector.asked[0].text, "SELECT 1");
  EXPECT_FALSE(inspector.asked[0].truncated);
  EXPECT_FALSE(inspector.asked[0].in_transaction);
  EXPECT_TRUE(inspector.asked[0].may_move);
  next = 0;
  pump();
  settle();
  EXPECT_TRUE(sent().ends_with(query("SELECT 1")));
  EXPECT_EQ(inspector.answers, Answers{});
  backend(result("1"));
  EXPECT_EQ(told(), result("1"));
  EXPECT_EQ(inspector.asked.size(), 1U);
  EXPECT_EQ(inspector.answers, Answers{"done 1"});
}

TEST_P(MysqlInspector, HearsNothingOfWhatItWavesThrough) {
  warm();
  inspector.answers.clear();
  inspector.asked.clear();
  inspector.waved_through = {RequestKind::query, RequestKind::prepare, RequestKind::execute};
  run("SELECT 1", result("1"));
  EXPECT_EQ(told(), result("1"));
  prepare("SELECT ?", 1);
  client(execute(1));
  settle();
  backend(pkt(1, err(1064)));
  EXPECT_EQ(told(), pkt(1, err(1064)));
  EXPECT_EQ(inspector.asked.size(), 0U);
  EXPECT_EQ(inspector.answers, Answers{});
  inspector.waved_through.clear();
  run("SELECT 2", result("2"));
  EXPECT_EQ(inspector.asked.size(), 1U);
  EXPECT_EQ(inspector.answers, Answers{"done 1"});
  inspector.waved_through = {RequestKind::query};
  run("SELECT 3", result("3"));
  EXPECT_EQ(inspector.answers, Answers{"done 1"});
}

TEST_P(MysqlInspector, ARefusedRequestTouchesNoBackend) {
  begin();
  inspector.script = {refusal()};
  client(query("DROP TABLE t") + query("SELECT 1"));
  EXPECT_EQ(inspector.asked.size(), 2U);
  EXPECT_EQ(attachments, 1) << "for the second";
  settle();
  EXPECT_EQ(told(), not_here);
  EXPECT_TRUE(sent().ends_with(query("SELECT 1")));
  backend(result("1"));
  EXPECT_EQ(inspector.answers, Answers{"done 1"}) << "a refused one has no answer";
  EXPECT_EQ(facts.errors, 1U);
}

TEST_P(MysqlInspector, ARefusalLeavesATransactionAsItIs) {
  warm();
  run("BEGIN", pkt(1, ok(kInTrx)));
  told();
  inspector.script = {refusal()};
  client(query("DELETE FROM t"));
  EXPECT_EQ(told(), not_here);
  EXPECT_EQ(sent(), "");
  EXPECT_TRUE(inspector.asked.back().in_transaction);
  EXPECT_FALSE(inspector.asked.back().may_move);
  EXPECT_TRUE(conversation->in_transaction());
  EXPECT_TRUE(held());
  run("COMMIT", pkt(1, ok()));
  EXPECT_FALSE(held());
  EXPECT_EQ(inspector.answers, (Answers{"done 0", "done 0"}));
}

TEST_P(MysqlInspector, ADelayedRequestWaitsAndIsAskedAboutAgain) {
  warm();
  inspector.script = {delay(), delay()};
  client(query("SELECT 1") + query("SELECT 2"));
  EXPECT_EQ(need, Need::pause);
  EXPECT_FALSE(held());
  pump();
  EXPECT_EQ(need, Need::pause);
  EXPECT_EQ(inspector.asked.size(), 2U);
  EXPECT_EQ(sent(), "");
  pump();
  EXPECT_EQ(inspector.asked.size(), 3U);
  EXPECT_EQ(sent(), query("SELECT 1"));
  backend(result("1"));
  EXPECT_EQ(sent(), query("SELECT 2"));
  backend(result("2"));
  EXPECT_EQ(told(), result("1") + result("2"));
  EXPECT_EQ(inspector.answers, (Answers{"done 1", "done 1"}));
}

TEST_P(MysqlInspector, ARewrittenTextGoesInThePlaceOfTheClients) {
  warm();
  inspector.script = {rewrite("SELECT 1 /*route='a'*/")};
  client(query("SELECT 1"));
  EXPECT_EQ(sent(), query("SELECT 1 /*route='a'*/"));
  backend(result("1"));
  EXPECT_EQ(told(), result("1"));
  inspector.script = {rewrite("SET @a = 1")};
  run("SELECT 1", pkt(1, ok()));
  EXPECT_TRUE(conversation->pins().has(Pin::user_variable)) << "what is sent counts";
}

TEST_P(MysqlInspector, StatementsArePreparedAsRewritten) {
  warm();
  inspector.script = {rewrite("SELECT 1 /*a*/")};
  client(pkt(0, com(Command::stmt_prepare, "SELECT 1")));
  EXPECT_EQ(sent(), pkt(0, com(Command::stmt_prepare, "SELECT 1 /*a*/")));
  backend(prepared(40));
  EXPECT_EQ(told(), prepared(1));
  EXPECT_EQ(inspector.answers, Answers{}) << "a preparation has no answer";
  next = 1;
  client(execute(1));
  EXPECT_EQ(inspector.asked.back().kind, RequestKind::execute);
  EXPECT_EQ(inspector.asked.back().text, "SELECT 1 /*a*/");
  settle();
  EXPECT_NE(sent().find("SELECT 1 /*a*/"), std::string::npos);
  EXPECT_EQ(inspector.asked.size(), 2U);
}

TEST_P(MysqlInspector, ATextIsDigestedOnceForAllItsExecutions) {
  warm();
  inspector.want_digest = true;
  prepare("SELECT 1", 40);
  for (int i = 0; i < 3; ++i) {
    client(execute(1));
    backend(result("1"));
  }
  ASSERT_EQ(inspector.digests.size(), 4U);
  EXPECT_EQ(inspector.digests[1], inspector.digests[0]);
  EXPECT_EQ(inspector.digests[3], inspector.digests[0]);
  EXPECT_EQ(inspector.answers, (Answers{"done 1", "done 1", "done 1"}));
}

TEST_P(MysqlInspector, PreparationsAndExecutionsAreRefused) {
  warm();
  inspector.script = {refusal()};
  client(pkt(0, com(Command::stmt_prepare, "DELETE FROM t")));
  EXPECT_EQ(told(), not_here);
  EXPECT_EQ(sent(), "");
  prepare("SELECT 1", 40);
  inspector.script = {refusal(), delay()};
  client(execute(1));
  EXPECT_EQ(told(), not_here);
  client(execute(1));
  EXPECT_EQ(need, Need::pause);
  pump();
  EXPECT_EQ(sent(), execute(40));
  backend(result("1"));
  EXPECT_EQ(inspector.answers, Answers{"done 1"});
}

// As when an EXECUTE fails on the server: what was sent ahead of it is gone.
TEST_P(MysqlInspector, ARefusedExecutionTakesItsLongDataAlong) {
  warm();
  prepare("SELECT 1", 40);
  client(pkt(0, com(Command::stmt_send_long_data, le32(1) + "\0\0data"s)));
  sent();
  EXPECT_TRUE(held());
  inspector.script = {refusal()};
  client(execute(1));
  EXPECT_EQ(told(), not_here);
  EXPECT_EQ(sent(), pkt(0, com(Command::stmt_reset, le32(40))));
  backend(pkt(1, ok()));
  EXPECT_EQ(told(), "");
  EXPECT_FALSE(held());
  EXPECT_EQ(cleanup, Cleanup::none);
}

TEST_P(MysqlInspector, WhatHasNoTextButTouchesDataIsAskedAbout) {
  warm();
  inspector.script = {refusal()};
  client(pkt(0, com(Command::field_list, "t\0"s)));
  EXPECT_EQ(inspector.asked.back().kind, RequestKind::other);
  EXPECT_EQ(inspector.asked.back().text, "");
  EXPECT_EQ(told(), not_here);
  client(pkt(0, com(Command::field_list, "t\0"s)));
  backend(pkt(1, "column") + pkt(2, end()));
  EXPECT_EQ(inspector.answers, Answers{"done 0"});

  prepare("SELECT 1", 40);
  client(execute(1, 1));
  backend(pkt(1, "\x01") + pkt(2, "column") + pkt(3, end(kAuto | status_flag::kCursorExists)));
  sent();
  client(pkt(0, com(Command::stmt_fetch, le32(1) + le32(2))));
  EXPECT_EQ(inspector.asked.back().kind, RequestKind::other);
  backend(pkt(1, "\0\0row"s) + pkt(2, "\0\0row"s) + pkt(3, end(kAuto | status_flag::kLastRowSent)));
  EXPECT_EQ(inspector.answers, (Answers{"done 0", "done 0", "done 2"}));
}

TEST_P(MysqlInspector, CommandsWithoutDataAreNot) {
  warm();
  client(pkt(0, com(Command::ping)) + pkt(0, com(Command::reset_connection)));
  client(pkt(0, com(Command::init_db, "pets")));
  backend(pkt(1, ok()));
  EXPECT_TRUE(inspector.asked.empty());
  EXPECT_TRUE(inspector.answers.empty());
}

TEST_P(MysqlInspector, TheBeginningOfALongTextIsShown) {
  begin(kModern, 2000);
  const std::string sql = "SELECT '" + std::string(5000, 'x') + "'";
  inspector.script = {rewrite("SELECT 2")};
  client(query(sql));
  settle();
  ASSERT_EQ(inspector.asked.size(), 1U);
  EXPECT_TRUE(inspector.asked[0].truncated);
  EXPECT_EQ(inspector.asked[0].text, sql.substr(0, 1999));
  EXPECT_TRUE(sent().ends_with(query(sql))) << "it cannot be rewritten";
  backend(result("1"));
  inspector.script = {refusal(FailureKind::statement_unseen)};
  client(query(sql).substr(0, 3000));
  told();
  client(query(sql).substr(3000));
  EXPECT_EQ(told(), refused(1, fail(FailureKind::statement_unseen, "not here")));
  EXPECT_EQ(sent(), "");
  EXPECT_EQ(inspector.answers, Answers{"done 1"});
}

TEST_P(MysqlInspector, IsLeftOutWhenThereIsNone) {
  begin();
  conversation->inspect(nullptr, 0);
  run("SELECT 1", result("1"));
  EXPECT_TRUE(inspector.asked.empty());
}

}  // namespace
}  // namespace sluice::protocol::mysql
