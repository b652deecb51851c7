#include "proxy/middleware/snapshot_age.hpp"

#include <gtest/gtest.h>

#include "stage.hpp"

namespace sluice::proxy::middleware {
namespace {

using namespace std::chrono_literals;

class SnapshotAge : public testing::Test {
 protected:
  void begin(config::OnReport action = config::OnReport::report, bool mysql = false) {
    mysql_ = mysql;
    config::SnapshotAge options;
    options.limit = 1s;
    options.action = action;
    Made made = make(options);
    ASSERT_TRUE(made);
    middleware_ = std::move(*made);
    part_ = middleware_->begin(stage_.place());
  }
  // A request of this text is asked, and answered unless it is said not to be.
  void run(std::chrono::milliseconds when, Statement statement, bool in_transaction,
           bool answered = true) {
    protocol::Request request = statement.request(in_transaction);
    request.read_as({mysql_, false, false});
    part_->on_decided(request, at(when), {});
    if (answered) {
      part_->on_answer(statement.asked(at(when), in_transaction), {}, at(when));
    }
  }
  Ending tick(std::chrono::milliseconds when, std::string_view isolation = "REPEATABLE READ",
              bool in_transaction = true) {
    Moment moment;
    moment.now = at(when);
    moment.in_transaction = in_transaction;
    moment.isolation = isolation;
    return part_->on_tick(moment);
  }
  std::uint64_t reports() const { return stage_.instruments.reports.value(); }

  Stage stage_;
  bool mysql_ = false;
  std::unique_ptr<Middleware> middleware_;
  std::unique_ptr<Part> part_;

  Statement begin_{"BEGIN", "begin", {StatementKind::begin}};
  Statement begin_repeatable_{"BEGIN ISOLATION LEVEL REPEATABLE READ",
                              "begin isolation level repeatable read",
                              {StatementKind::begin}};
  Statement select_{"SELECT 1", "select ?", {StatementKind::select}};
  Statement insert_{"INSERT INTO t VALUES (1)", "insert into t values ?", {StatementKind::insert}};
  Statement commit_{"COMMIT", "commit", {StatementKind::commit}};
};

TEST_F(SnapshotAge, AReaderThatNeverEndsItsTransactionIsReportedOnce) {
  LogCapture log;
  begin();
  run(0ms, begin_repeatable_, false);
  run(500ms, select_, true);
  tick(1400ms, "READ COMMITTED");  // the snapshot is of the first read, not of BEGIN
  EXPECT_EQ(reports(), 0U);
  EXPECT_FALSE(tick(1500ms, "READ COMMITTED"));
  EXPECT_EQ(reports(), 1U);
  run(1600ms, select_, true);
  EXPECT_FALSE(tick(9s, "READ COMMITTED"));
  EXPECT_EQ(reports(), 1U);
  run(9s, commit_, true);
  run(10s, begin_repeatable_, false);
  run(10s, select_, true);
  tick(11s);
  EXPECT_EQ(reports(), 2U);
  const std::string text = log.text();
  EXPECT_EQ(LogCapture::count(text, "snapshot_age"), 2U) << text;
  EXPECT_NE(text.find(" user=app "), std::string::npos) << text;
  EXPECT_NE(text.find(" route=pets "), std::string::npos) << text;
  EXPECT_NE(text.find("isolation=\"REPEATABLE READ\" age_seconds=1 "), std::string::npos) << text;
  EXPECT_NE(text.find("READ COMMITTED"), std::string::npos) << text;  // the advice
}

TEST_F(SnapshotAge, ACommittedReaderAWriterAndABetterLevelAreNot) {
  begin();
  run(0ms, begin_, false);
  run(0ms, select_, true);
  tick(5s, "READ COMMITTED");
  tick(5s, "READ UNCOMMITTED");
  tick(5s, "");
  EXPECT_EQ(reports(), 0U);
  tick(5s, "REPEATABLE READ", false);  // its answer said that no transaction is open
  EXPECT_EQ(reports(), 0U);
  run(5s, commit_, true);
  tick(9s);  // COMMIT AND CHAIN: the next transaction has no snapshot yet
  EXPECT_EQ(reports(), 0U);

  run(10s, begin_, false);
  run(10s, select_, true);
  run(10s, insert_, true);
  tick(20s, "SERIALIZABLE");
  EXPECT_EQ(reports(), 0U);

  run(30s, begin_, false);
  tick(40s);  // nothing read
  EXPECT_EQ(reports(), 0U);
}

TEST_F(SnapshotAge, ReadersWithoutAutocommitAreSeenWithoutABegin) {
  begin(config::OnReport::report, true);
  run(0ms, select_, false);
  tick(1s);
  EXPECT_EQ(reports(), 1U);
  run(2s, select_, true);
  tick(9s);
  EXPECT_EQ(reports(), 1U);
}

TEST_F(SnapshotAge, AWriteOfTheTransactionBeforeIsForgotten) {
  begin();
  run(0ms, insert_, false);
  run(0ms, begin_, false);
  run(0ms, select_, true);
  tick(1s);
  EXPECT_EQ(reports(), 1U);
}

TEST_F(SnapshotAge, SetTransactionSpeaksOfTheOpenOneOrOfTheNext) {
  const Statement set("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
                      "set transaction isolation level serializable", {StatementKind::set});
  const Statement set_session(
      "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
      "set session characteristics as transaction isolation level serializable",
      {StatementKind::set});
  begin();
  run(0ms, begin_, false);
  run(0ms, set, true);
  run(0ms, select_, true);
  tick(1s, "READ COMMITTED");
  EXPECT_EQ(reports(), 1U);
  run(1s, commit_, true);
  run(2s, set, false);  // PostgreSQL warns and does nothing
  run(2s, begin_, false);
  run(2s, set_session, true);  // from the next transaction on, and `isolation` tells of it
  run(2s, select_, true);
  tick(9s, "READ COMMITTED");
  EXPECT_EQ(reports(), 1U);

  begin(config::OnReport::report, true);
  run(0ms, set, false);
  run(0ms, begin_, false);
  run(0ms, select_, true);
  tick(1s, "READ COMMITTED");
  EXPECT_EQ(reports(), 2U);
  run(2s, commit_, true);
  run(2s, begin_, false);
  run(2s, select_, true);
  tick(9s, "READ COMMITTED");
  EXPECT_EQ(reports(), 2U);
}

TEST_F(SnapshotAge, MySqlTakesTheSnapshotWithBeginWhereItIsAskedTo) {
  begin(config::OnReport::report, true);
  run(0ms,
      {"START TRANSACTION WITH CONSISTENT SNAPSHOT",
       "start transaction with consistent snapshot",
       {StatementKind::begin}},
      false);
  tick(1s);
  EXPECT_EQ(reports(), 1U);
}

TEST_F(SnapshotAge, APipelineBehindBeginBelongsToIt) {
  begin();
  run(0ms, begin_repeatable_, false, false);
  run(0ms, select_, false, false);
  tick(1s, "READ COMMITTED");
  EXPECT_EQ(reports(), 1U);
}

TEST_F(SnapshotAge, RefusedAndPreparedStatementsReadNothing) {
  begin();
  run(0ms, begin_, false);
  Verdict refused;
  refused.refuse(RefusalReason::rule,
                 protocol::fail(protocol::FailureKind::statement_refused, "no"));
  part_->on_decided(select_.request(true), at(0ms), refused);
  protocol::Request prepare = select_.request(true);
  prepare.kind = protocol::RequestKind::prepare;
  part_->on_decided(prepare, at(0ms), {});
  tick(5s);
  EXPECT_EQ(reports(), 0U);
}

TEST_F(SnapshotAge, CanEndTheSession) {
  begin(config::OnReport::end);
  run(0ms, begin_, false);
  run(0ms, select_, true);
  const Ending ending = tick(1s);
  ASSERT_TRUE(ending);
  EXPECT_EQ(ending->kind, protocol::FailureKind::snapshot_too_old);
  EXPECT_NE(ending->text.find("snapshot_age (1000 ms)"), std::string::npos) << ending->text;
  EXPECT_EQ(reports(), 1U);
}

TEST_F(SnapshotAge, ALimitOfNothingIsNone) {
  EXPECT_FALSE(make(config::SnapshotAge{.limit = 0ms}));
}

}  // namespace
}  // namespace sluice::proxy::middleware
