#include "proxy/middleware/statement_rules.hpp"

#include <chrono>

#include "asking.hpp"

namespace sluice::proxy::middleware {
namespace {

using namespace std::chrono_literals;
using protocol::FailureKind;
using protocol::RequestKind;

config::StatementRule deny(std::string pattern, std::string message = {}) {
  config::StatementRule rule;
  rule.deny = std::move(pattern);
  rule.message = std::move(message);
  return rule;
}

config::StatementRule match(std::string pattern) {
  config::StatementRule rule;
  rule.match = std::move(pattern);
  return rule;
}

config::StatementRules rules(std::vector<config::StatementRule> list) {
  config::StatementRules made;
  made.rules = std::move(list);
  return made;
}

TEST(StatementRules, DenyRefusesWithItsMessage) {
  Asking asking(make(rules({deny("DROP|TRUNCATE|GRANT", "schema changes go through migrations")})));
  const Verdict verdict = asking.ask("drop /* x */ table t");
  EXPECT_EQ(failure_of(verdict), FailureKind::statement_refused);
  EXPECT_EQ(verdict.reason, RefusalReason::rule);
  EXPECT_EQ(verdict.failure->text, "schema changes go through migrations");
  EXPECT_EQ(verdict.failure->sqlstate(), "42501");
  EXPECT_EQ(verdict.failure->mysql_errno(), 1142);
  EXPECT_EQ(failure_of(asking.ask(asking.request("TRUNCATE t", RequestKind::prepare))),
            FailureKind::statement_refused);
  EXPECT_EQ(failure_of(asking.ask("SELECT 1; TRUNCATE t")), FailureKind::statement_refused);
  EXPECT_TRUE(asking.ask("SELECT 'drop table t' -- drop").goes_on());
  EXPECT_TRUE(asking.ask(asking.request("", RequestKind::other)).goes_on());
}

TEST(StatementRules, PatternsSeeTheNormalisedText) {
  Asking asking(make(rules({deny("pg_sleep\\("), deny("from big_table where id = \\?$")})));
  EXPECT_FALSE(asking.ask("SELECT PG_SLEEP  (1)").goes_on());
  EXPECT_FALSE(asking.ask("SELECT *\nFROM Big_Table WHERE id=4;").goes_on());
  EXPECT_TRUE(asking.ask("SELECT pg_sleep").goes_on());
}

TEST(StatementRules, KindsOfEveryStatementCount) {
  config::StatementRule rule;
  rule.kinds = {"drop", "delete"};
  rule.refuse = true;
  Asking asking(make(rules({rule})));
  EXPECT_FALSE(asking.ask("DELETE FROM t").goes_on());
  EXPECT_FALSE(asking.ask("SELECT 1; DROP TABLE t").goes_on());
  EXPECT_FALSE(asking.ask("WITH a AS (DELETE FROM t RETURNING 1) SELECT 1").goes_on());
  EXPECT_TRUE(asking.ask("UPDATE t SET a = 1").goes_on());
}

TEST(StatementRules, KindAndPatternMustBothApply) {
  config::StatementRule rule = match("big_table");
  rule.kinds = {"select"};
  rule.refuse = true;
  Asking asking(make(rules({rule})));
  EXPECT_FALSE(asking.ask("SELECT * FROM big_table").goes_on());
  EXPECT_TRUE(asking.ask("UPDATE big_table SET a = 1").goes_on());
  EXPECT_TRUE(asking.ask("SELECT * FROM t").goes_on());
}

TEST(StatementRules, TheFirstThatAppliesDecides) {
  config::StatementRule allowed = match("from audit");
  config::StatementRule slow = match("from big_table");
  slow.timeout = 5s;
  slow.pool = "reports";
  Asking asking(make(rules({allowed, slow, deny("from")})));
  EXPECT_TRUE(asking.ask("SELECT * FROM audit").goes_on());
  const Verdict verdict = asking.ask("SELECT * FROM big_table");
  EXPECT_TRUE(verdict.goes_on());
  EXPECT_EQ(verdict.timeout, 5s);
  EXPECT_EQ(verdict.pool, "reports");
  EXPECT_FALSE(asking.ask("SELECT * FROM t").goes_on());
  EXPECT_EQ(asking.ask("SELECT 1").timeout, 0s);
}

TEST(StatementRules, TheShortestTimeoutOfTheChainCounts) {
  config::StatementRule slow = match("t");
  slow.timeout = 5s;
  Asking asking(make(rules({slow})));
  Verdict before;
  before.timeout = 2s;
  EXPECT_EQ(asking.ask(asking.request("TABLE t"), before).timeout, 2s);
  before.timeout = 9s;
  EXPECT_EQ(asking.ask(asking.request("TABLE t"), before).timeout, 5s);
}

TEST(StatementRules, WhatCannotBeSeenIsRefusedWhereARuleRefuses) {
  Asking refusing(make(rules({deny("drop")})));
  config::StatementRule slow = match("t");
  slow.timeout = 5s;
  Asking timing(make(rules({slow})));
  protocol::Request longer = refusing.request("SELECT t");
  longer.truncated = true;
  const Verdict verdict = refusing.ask(longer);
  EXPECT_EQ(failure_of(verdict), FailureKind::statement_unseen);
  EXPECT_EQ(verdict.reason, RefusalReason::unseen);
  EXPECT_EQ(timing.ask(longer).timeout, 5s);
  refusing.identity.protocol = protocol::Protocol::mysql;
  EXPECT_EQ(failure_of(refusing.ask(refusing.request("/*!99999 SELECT */ 1"))),
            FailureKind::statement_unseen);
}

TEST(StatementRules, LongTextsAreSeenWhole) {
  std::string text = "SELECT a0";
  for (int i = 1; i < 2000; ++i) {
    text += ", a" + std::to_string(i);
  }
  Asking asking(make(rules({deny("drop table")})));
  EXPECT_TRUE(asking.ask(text).goes_on());
  EXPECT_EQ(failure_of(asking.ask(text + "; DROP TABLE t")), FailureKind::statement_refused);
}

TEST(StatementRules, BytesOfOtherEncodingsHideNothing) {
  Asking asking(make(rules({deny("drop table.*accounts"), deny("größe")})));
  EXPECT_FALSE(asking.ask("DROP TABLE \"\xff\", accounts").goes_on());
  EXPECT_FALSE(asking.ask("DROP TABLE \"\xe4\", \"é\", accounts").goes_on());
  EXPECT_FALSE(asking.ask("SELECT größe FROM t").goes_on());
  EXPECT_TRUE(asking.ask("SELECT \"\xff\"").goes_on());
}

TEST(StatementRules, WrongOptionsAreRefusedByName) {
  const Made pattern = make(rules({deny("(")}));
  ASSERT_FALSE(pattern.ok());
  EXPECT_NE(pattern.failure().text.find("\"(\""), std::string::npos);
  config::StatementRule rule;
  rule.kinds = {"selekt"};
  const Made kind = make(rules({rule}));
  ASSERT_FALSE(kind.ok());
  EXPECT_NE(kind.failure().text.find("selekt"), std::string::npos);
}

}  // namespace
}  // namespace sluice::proxy::middleware
