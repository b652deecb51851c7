// Results that go beyond a limit: the client gets an error in the place of the next row, and the
// server comes to agree with it, or the connection ends.

#include "tests/protocol/postgresql/inspector_fixture.hpp"

namespace sluice::protocol::postgresql::testing {
namespace {

class ConversationLimits : public InspectedTest {
 protected:
  // Two rows are let through; a third would be one too many.
  Talk limited_talk() {
    Talk t = inspected();
    inspector.verdicts = {limited(2)};
    return t;
  }
  Talk limited_batch(std::string_view rest = {}) {
    Talk t = inspected();
    inspector.verdicts = {{}, limited(2)};
    t.client(parse("", "SELECT 1") + bind_message("", "") + execute() + std::string(rest));
    t.to_backend();
    return t;
  }
  static std::string rows(int count) {
    std::string out;
    for (int i = 0; i < count; ++i) {
      out += row();
    }
    return out;
  }
  // Two rows, the error, and `rest`.
  static void expect_cut(const std::string& answer, std::string_view before,
                         std::string_view rest) {
    const std::string head = std::string(before) + rows(2);
    ASSERT_TRUE(answer.starts_with(head + 'E'));
    EXPECT_NE(answer.find("C54000"), std::string::npos);
    EXPECT_NE(answer.find("2 rows"), std::string::npos);
    const std::size_t size =
        1 + as_bytes(answer)[head.size() + 4] + 256U * as_bytes(answer)[head.size() + 3];
    EXPECT_EQ(answer.substr(head.size() + size), rest);
  }
};
INSTANTIATE_TEST_SUITE_P(Chunks, ConversationLimits, ::testing::Values(0, 1, 13));

TEST_P(ConversationLimits, ResultsWithinThemPass) {
  Talk t = limited_talk();
  t.client(query("SELECT 1"));
  t.backend(columns() + rows(2) + done("SELECT 2"));
  EXPECT_EQ(t.to_client(), columns() + rows(2) + done("SELECT 2"));
  EXPECT_EQ(inspector.answers, (Lines{"done 2"}));
  EXPECT_EQ(inspector.bytes, rows(2).size());
  EXPECT_FALSE(t.facts.cancel_running);
}

TEST_P(ConversationLimits, ResultIsCutAtTheNextRow) {
  Talk t = limited_talk();
  t.client(query("SELECT 1"));
  t.backend(columns() + rows(3));
  EXPECT_TRUE(t.facts.cancel_running);
  expect_cut(t.to_client(), columns(), "");
  EXPECT_TRUE(t.conversation->outstanding());
  t.backend(rows(50) + error("57014") + ready());
  EXPECT_EQ(t.to_client(), ready());
  EXPECT_EQ(inspector.answers, (Lines{"limited 2"}));
  EXPECT_FALSE(t.attached());
  EXPECT_EQ(t.last_cleanup, Cleanup::none);
  EXPECT_EQ(t.facts.queries, 1U);
  EXPECT_EQ(t.facts.errors, 1U);

  t.client(query("SELECT 2"));  // and the next one has no limit
  t.backend(columns() + rows(5) + done("SELECT 5"));
  EXPECT_EQ(t.to_client(), columns() + rows(5) + done("SELECT 5"));
}

TEST_P(ConversationLimits, BytesAreThoseOfRowsAsTheyTravel) {
  Talk t = inspected();
  inspector.verdicts = {limited(0, rows(2).size())};
  t.client(query("SELECT 1"));
  t.backend(columns() + rows(3) + done("SELECT 3"));
  const std::string answer = t.to_client();
  EXPECT_TRUE(answer.starts_with(columns() + rows(2) + 'E'));
  EXPECT_NE(answer.find(std::to_string(rows(2).size()) + " bytes"), std::string::npos);
  EXPECT_TRUE(answer.ends_with(ready()));
  EXPECT_EQ(inspector.bytes, rows(2).size());

  inspector.verdicts = {limited(0, 1000)};
  t.client(query("SELECT 2"));
  t.backend(columns() + row(std::string(5000, 'x')) + done("SELECT 1"));
  EXPECT_TRUE(t.to_client().starts_with(columns() + 'E'));
  EXPECT_EQ(inspector.answers.back(), "limited");
}

TEST_P(ConversationLimits, CopyIsCutAsWell) {
  Talk t = limited_talk();
  t.client(query("COPY t TO STDOUT"));
  const std::string line = message('d', "a\n");
  t.backend(message('H', "copy") + line + line + line + message('c') + done("COPY 3"));
  const std::string answer = t.to_client();
  EXPECT_TRUE(answer.starts_with(message('H', "copy") + line + line + 'E'));
  EXPECT_TRUE(answer.ends_with(ready()));
  EXPECT_FALSE(t.conversation->finished());
}

TEST_P(ConversationLimits, LateEndOfAReadIsSwallowed) {
  Talk t = limited_talk();
  t.client(query("SELECT 1"));
  t.backend(columns() + rows(9) + done("SELECT 9"));
  expect_cut(t.to_client(), columns(), ready());
  EXPECT_EQ(inspector.answers, (Lines{"limited 2"}));
  EXPECT_EQ(t.last_cleanup, Cleanup::none);
}

TEST_P(ConversationLimits, LateEndOfAWriteEndsTheConnection) {
  Talk t = limited_talk();
  t.client(query("INSERT INTO t SELECT 1 RETURNING x"));
  t.auto_release = false;
  t.backend(columns() + rows(9) + done("INSERT 0 9"));
  EXPECT_NE(t.to_client().find("FATAL"), std::string::npos);
  EXPECT_TRUE(t.conversation->finished());
  EXPECT_EQ(t.release(), Cleanup::close);
  EXPECT_EQ(inspector.answers, (Lines{"limited 2"}));
}

TEST_P(ConversationLimits, CancelledWriteIsRolledBack) {
  Talk t = limited_talk();
  t.client(query("INSERT INTO t SELECT 1 RETURNING x"));
  t.backend(columns() + rows(9) + error("57014") + ready());
  expect_cut(t.to_client(), columns(), ready());
  EXPECT_FALSE(t.conversation->finished());
}

TEST_P(ConversationLimits, WhatTheSameTextCommittedEndsTheConnection) {
  for (const std::string& before : {complete("INSERT 0 1"), std::string()}) {
    for (const std::string& after : {complete("DELETE 4"), std::string()}) {
      inspector = {};
      Talk t = limited_talk();
      t.client(query("several"));
      t.auto_release = false;
      t.backend(before + columns() + rows(9) + complete("SELECT 9") + after + ready());
      const bool wrote = !before.empty() || !after.empty();
      EXPECT_EQ(t.conversation->finished(), wrote);
      EXPECT_EQ(t.to_client().find("FATAL") != std::string::npos, wrote);
    }
  }
}

TEST_P(ConversationLimits, TablesThatWereFilledEndTheConnection) {
  Talk t = limited_talk();
  t.client(query("several"));
  t.auto_release = false;
  t.backend(complete("SELECT 4") + columns() + rows(9) + done("SELECT 9"));  // CREATE TABLE AS
  EXPECT_TRUE(t.conversation->finished());
}

TEST_P(ConversationLimits, WhatWasCommittedBeforeItDoesNot) {
  Talk t = limited_talk();
  t.client(query("several"));
  t.backend(complete("INSERT 0 1") + complete("COMMIT") + columns() + rows(9) + done("SELECT 9"));
  EXPECT_FALSE(t.conversation->finished());
}

TEST_P(ConversationLimits, WhatTheErrorRolledBackDoesNot) {
  Talk t = limited_talk();
  t.client(query("several"));
  t.backend(complete("INSERT 0 1") + columns() + rows(9) + complete("SELECT 9") + error("57014") +
            ready());
  expect_cut(t.to_client(), complete("INSERT 0 1") + columns(), ready());
  EXPECT_FALSE(t.conversation->finished());
}

TEST_P(ConversationLimits, CommitBehindItEndsTheConnection) {
  Talk t = limited_talk();
  t.client(query("several"));
  t.auto_release = false;
  t.backend(columns() + rows(9) + complete("SELECT 9") + complete("COMMIT"));
  EXPECT_TRUE(t.conversation->finished());
  EXPECT_EQ(t.release(), Cleanup::close);
}

TEST_P(ConversationLimits, CopyInBehindItEndsTheConnection) {
  Talk t = limited_talk();
  t.client(query("several"));
  t.auto_release = false;
  t.backend(columns() + rows(9) + complete("SELECT 9") + message('G', "copy"));
  EXPECT_TRUE(t.conversation->finished());
}

TEST_P(ConversationLimits, OpenTransactionIsMadeToFail) {
  Talk t = inspected();
  open_transaction(t);
  inspector.verdicts = {limited(2)};
  t.client(query("SELECT 1"));
  t.to_backend();
  t.backend(columns() + rows(9) + done("SELECT 9", 'T'));
  expect_cut(t.to_client(), columns(), "");
  EXPECT_EQ(t.to_backend(), failing());
  EXPECT_EQ(t.client(query("COMMIT")), Need::reply);  // waits, or it would commit
  t.backend(error("42601") + ready('E'));
  EXPECT_EQ(t.to_client(), ready('E'));
  EXPECT_EQ(t.resume(), Need::input);
  EXPECT_EQ(t.to_backend(), query("COMMIT"));
  EXPECT_EQ(inspector.answers, (Lines{"limited 2"}));
  t.backend(done("ROLLBACK"));
  EXPECT_EQ(t.to_client(), done("ROLLBACK"));
  EXPECT_FALSE(t.attached());
}

TEST_P(ConversationLimits, FailedTransactionIsLeftAsItIs) {
  Talk t = inspected();
  open_transaction(t);
  inspector.verdicts = {limited(2)};
  t.client(query("SELECT 1"));
  t.to_backend();
  t.backend(columns() + rows(9) + error("57014") + ready('E'));
  expect_cut(t.to_client(), columns(), ready('E'));
  EXPECT_EQ(t.to_backend(), "");
}

TEST_P(ConversationLimits, WhatWasSentBehindItInTheTransactionEndsTheConnection) {
  Talk t = inspected();
  open_transaction(t);
  inspector.verdicts = {limited(2)};
  t.client(query("SELECT 1") + query("COMMIT"));
  t.auto_release = false;
  t.backend(columns() + rows(9) + done("SELECT 9", 'T'));
  EXPECT_TRUE(t.conversation->finished());
  EXPECT_NE(t.to_client().find("FATAL"), std::string::npos);
  EXPECT_EQ(t.release(), Cleanup::close);
  EXPECT_EQ(inspector.answers, (Lines{"limited 2", "lost"}));
}

TEST_P(ConversationLimits, WhatWasSentBehindItElsewhereGoesOn) {
  Talk t = limited_talk();
  t.client(query("SELECT 1") + query("SELECT 2"));
  t.backend(columns() + rows(9) + done("SELECT 9") + done("SELECT 1"));
  expect_cut(t.to_client(), columns(), ready() + done("SELECT 1"));
  EXPECT_EQ(inspector.answers, (Lines{"limited 2", "done 1"}));
}

TEST_P(ConversationLimits, BatchIsCut) {
  Talk t = limited_batch(sync());
  t.backend(parsed() + bound() + rows(5) + error("57014") + ready());
  expect_cut(t.to_client(), parsed() + bound(), ready());
  EXPECT_EQ(inspector.answers, (Lines{"limited 2"}));
  EXPECT_FALSE(t.attached());
}

TEST_P(ConversationLimits, BatchThatEndsLateIsCut) {
  Talk t = limited_batch(sync());
  t.backend(parsed() + bound() + rows(5) + done("SELECT 5"));
  expect_cut(t.to_client(), parsed() + bound(), ready());
  EXPECT_EQ(t.last_cleanup, Cleanup::none);
}

TEST_P(ConversationLimits, RestOfTheBatchIsSwallowed) {
  Talk t = limited_batch(bind_message("", "") + execute() + close('S', "x") + sync());
  t.backend(parsed() + bound() + rows(5) + complete("SELECT 5") + bound() + rows(7) +
            complete("SELECT 7") + closed() + ready());
  expect_cut(t.to_client(), parsed() + bound(), ready());
  EXPECT_EQ(inspector.answers, (Lines{"limited 2", "skipped"}));
}

TEST_P(ConversationLimits, BatchThatWroteEndsTheConnection) {
  Talk t = limited_batch(bind_message("", "") + execute() + sync());
  t.auto_release = false;
  t.backend(parsed() + bound() + rows(5) + complete("SELECT 5") + bound() + complete("DELETE 7") +
            ready());
  EXPECT_TRUE(t.conversation->finished());
}

TEST_P(ConversationLimits, BatchThatWroteInATransactionIsRolledBack) {
  Talk t = inspected();
  open_transaction(t);
  inspector.verdicts = {{}, limited(2)};
  t.client(parse("", "SELECT 1") + bind_message("", "") + execute() + bind_message("", "") +
           execute() + sync());
  t.to_backend();
  t.backend(parsed() + bound() + rows(5) + complete("SELECT 5") + bound() + done("DELETE 7", 'T'));
  EXPECT_EQ(t.to_backend(), failing());
  t.backend(error("42601") + ready('E'));
  expect_cut(t.to_client(), parsed() + bound(), ready('E'));
}

TEST_P(ConversationLimits, UnsyncedBatchFailsAtItsSync) {
  Talk t = limited_batch(flush());
  t.backend(parsed() + bound() + rows(5) + complete("SELECT 5"));
  expect_cut(t.to_client(), parsed() + bound(), "");
  EXPECT_FALSE(t.conversation->may_release());
  const std::size_t asked = inspector.asked.size();
  t.client(bind_message("", "") + execute() + sync());  // the client had not seen the error
  EXPECT_EQ(inspector.asked.size(), asked);
  EXPECT_EQ(t.to_backend(), failing_message() + sync());
  t.backend(error("26000") + ready());
  EXPECT_EQ(t.to_client(), ready());
  EXPECT_EQ(inspector.answers, (Lines{"limited 2"}));
  EXPECT_FALSE(t.attached());

  t.client(batch("SELECT 2"));  // and the session goes on
  t.backend(parsed() + bound() + done("SELECT 1"));
  EXPECT_EQ(t.to_client(), parsed() + bound() + done("SELECT 1"));
}

TEST_P(ConversationLimits, UnsyncedBatchThatWasCancelledNeedsNoMore) {
  Talk t = limited_batch(flush());
  t.backend(parsed() + bound() + rows(5) + error("57014"));
  t.client(sync());
  EXPECT_EQ(t.to_backend(), sync());
  t.backend(ready());
  expect_cut(t.to_client(), parsed() + bound(), ready());
}

TEST_P(ConversationLimits, LocalRepliesOfTheBatchAreSwallowed) {
  Talk t = inspected();
  t.client(parse("a", "SELECT 1") + sync());
  t.backend(parsed() + ready());
  t.to_client();
  inspector.verdicts = {{}, limited(2)};
  t.client(bind_message("", "a") + execute() + parse("b", "SELECT 1") + close('S', "a") + sync());
  t.backend(bound() + rows(5) + complete("SELECT 5") + ready());
  expect_cut(t.to_client(), bound(), ready());
}

TEST_P(ConversationLimits, LostBackendEndsTheConnection) {
  Talk t = limited_talk();
  t.client(query("SELECT 1"));
  t.backend(columns() + rows(5));
  Exchange out;
  EXPECT_EQ(t.conversation->backend_lost(fail(FailureKind::backend_lost, "gone"), out),
            Ending::close);
  EXPECT_EQ(inspector.answers, (Lines{"limited 2"}));
}

TEST(InspectionTest, TagsSayWhatWasDone) {
  EXPECT_EQ(rows_of("INSERT 0 12"), 12U);
  EXPECT_EQ(rows_of("SELECT 3"), 3U);
  EXPECT_EQ(rows_of("CREATE TABLE"), 0U);
  EXPECT_EQ(rows_of("BEGIN"), 0U);
  for (const char* tag : {"SELECT 3", "FETCH 1", "BEGIN", "ROLLBACK", "SHOW"}) {
    EXPECT_EQ(deed_of(tag, false), Deed::nothing) << tag;
  }
  for (const char* tag : {"INSERT 0 1", "CREATE TABLE", "SET", "COPY 4"}) {
    EXPECT_EQ(deed_of(tag, false), Deed::wrote) << tag;
  }
  for (const char* tag : {"COMMIT", "CALL", "PREPARE TRANSACTION"}) {
    EXPECT_EQ(deed_of(tag, false), Deed::kept) << tag;
  }
  EXPECT_EQ(deed_of("COPY 4", true), Deed::nothing);
}

}  // namespace
}  // namespace sluice::protocol::postgresql::testing
