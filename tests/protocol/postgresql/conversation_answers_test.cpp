// Each request that the Inspector allowed has one answer, in order, whatever happens.

#include "tests/protocol/postgresql/inspector_fixture.hpp"

namespace sluice::protocol::postgresql::testing {
namespace {

using ConversationAnswers = InspectedTest;
INSTANTIATE_TEST_SUITE_P(Chunks, ConversationAnswers, ::testing::Values(0, 1, 13));

const Failure kLost = fail(FailureKind::backend_lost, "gone");

TEST_P(ConversationAnswers, RowsAreThoseOfTheTags) {
  Talk t = inspected();
  t.client(query("several"));
  t.backend(complete("INSERT 0 5") + complete("UPDATE 2") + complete("CREATE TABLE") +
            done("SELECT 10"));
  t.client(query(""));
  t.backend(message('I') + ready());
  t.client(query("COPY t TO STDOUT"));
  t.backend(message('H', "copy") + message('d', "a\n") + message('d', "b\n") + message('c') +
            done("COPY 2"));
  t.client(query("COPY t FROM STDIN"));
  t.backend(message('G', "copy"));
  t.client(message('d', "a\n") + message('c'));
  t.backend(done("COPY 1"));
  EXPECT_EQ(inspector.answers, (Lines{"done 17", "done", "done 2", "done 1"}));
}

TEST_P(ConversationAnswers, SuspendedPortalsAreDoneWithWhatTheyFetched) {
  Talk t = inspected();
  const std::string fetch = message('E', text("") + be32(3));
  t.client(parse("", "SELECT 1") + bind_message("", "") + fetch + fetch + sync());
  t.backend(parsed() + bound() + row() + row() + row() + message('s') + row() + done("SELECT 1"));
  EXPECT_EQ(inspector.answers, (Lines{"done 3", "done 1"}));
}

TEST_P(ConversationAnswers, FailedQueriesTellTheSqlstate) {
  Talk t = inspected();
  t.client(query("SELECT 1/0") + query("SELECT 2"));
  t.backend(error("22012") + ready() + done("SELECT 1"));
  EXPECT_EQ(inspector.answers, (Lines{"failed 22012", "done 1"}));
}

TEST_P(ConversationAnswers, WhatIsBehindAnErrorOfItsBatchIsSkipped) {
  Talk t = inspected();
  const std::string one = bind_message("", "") + execute();
  t.client(parse("", "INSERT") + one + one + one + sync() + batch("SELECT 1"));
  t.backend(parsed() + bound() + complete("INSERT 0 1") + bound() + error("23505") + ready() +
            parsed() + bound() + done("SELECT 1"));
  EXPECT_EQ(inspector.answers, (Lines{"done 1", "failed 23505", "skipped", "done 1"}));
}

TEST_P(ConversationAnswers, ExecutesBehindAnErrorOfAParseAreSkipped) {
  Talk t = inspected();
  t.client(parse("", "wrong") + bind_message("", "") + execute() + execute() + sync());
  t.backend(error("42601") + ready());
  EXPECT_EQ(inspector.answers, (Lines{"skipped", "skipped"}));
}

TEST_P(ConversationAnswers, WhatComesAfterAnErrorIsNotAsked) {
  Talk t = inspected();
  t.client(parse("", "wrong") + bind_message("", "") + execute() + flush());
  t.backend(error("42601"));
  const std::size_t asked = inspector.asked.size();
  t.client(execute() + parse("", "SELECT 1") + sync());
  EXPECT_EQ(inspector.asked.size(), asked);
  t.backend(ready());
  EXPECT_EQ(inspector.answers, (Lines{"skipped"}));
}

TEST_P(ConversationAnswers, LostBackendsLoseThem) {
  Talk t = inspected();
  t.client(query("SELECT 1") + query("SELECT 2"));
  t.backend(done("SELECT 1"));
  Exchange out;
  EXPECT_EQ(t.conversation->backend_lost(kLost, out), Ending::carry_on);
  EXPECT_EQ(inspector.answers, (Lines{"done 1", "lost"}));
}

TEST_P(ConversationAnswers, LostBatchesLoseEachExecute) {
  Talk t = inspected();
  t.client(parse("", "SELECT 1") + bind_message("", "") + execute() + execute());
  Exchange out;
  t.conversation->backend_lost(kLost, out);
  EXPECT_EQ(inspector.answers, (Lines{"lost", "lost"}));
  EXPECT_EQ(inspector.asked.size(), 3U);
}

TEST_P(ConversationAnswers, SessionsThatEndLoseThem) {
  Talk t = inspected();
  t.client(query("SELECT 1"));
  EXPECT_EQ(t.release(), Cleanup::close);
  EXPECT_EQ(inspector.answers, (Lines{"lost"}));
}

TEST_P(ConversationAnswers, WithoutABackendTheyFail) {
  const Failure none = fail(FailureKind::pool_timeout, "no backend");
  Talk t = inspected();
  t.give_backend = false;
  EXPECT_EQ(t.client(query("SELECT 1")), Need::backend);
  Exchange out;
  t.conversation->refuse(none, out);
  EXPECT_EQ(inspector.answers, (Lines{"failed 53300"}));
  EXPECT_EQ(t.resume(), Need::input);

  EXPECT_EQ(t.client(batch("SELECT 1")), Need::backend);
  t.conversation->refuse(none, out);
  EXPECT_EQ(t.resume(), Need::input);
  EXPECT_EQ(inspector.answers.size(), 1U);  // a Parse has no answer, its Execute was never asked
  EXPECT_EQ(inspector.asked, (Lines{"query SELECT 1 [free]", "prepare SELECT 1 [free]"}));

  EXPECT_EQ(t.client(execute() + sync()), Need::backend);
  t.conversation->refuse(none, out);
  EXPECT_EQ(t.resume(), Need::input);
  EXPECT_EQ(inspector.answers.size(), 2U);
}

TEST_P(ConversationAnswers, RefusedSettingsAreTheAnswer) {
  Talk t = inspected({{"work_mem", "lots"}});
  t.client(query("SELECT 1"));
  t.backend(complete("BEGIN") + error("22023", "invalid value") + ready('E') + error("25P02") +
            ready('E'));
  EXPECT_EQ(inspector.answers, (Lines{"failed 22023"}));

  Talk later = inspected({{"work_mem", "lots"}});  // found out before the request is sent
  inspector.answers.clear();
  later.client(query("ROLLBACK; SELECT 1"));
  later.backend(complete("BEGIN") + error("22023", "invalid value") + ready('E'));
  later.resume();
  EXPECT_EQ(inspector.answers, (Lines{"failed 22023"}));
}

TEST_P(ConversationAnswers, WhatSluiceRefusesItselfHasFailed) {
  Talk t = inspected();
  t.client(query("SELECT currval('s')"));
  EXPECT_EQ(inspector.answers, (Lines{"failed 0A000"}));
  open_transaction(t);
  t.client(query("SELECT currval('s')"));
  EXPECT_TRUE(inspector.answers.empty());
  t.backend(error("42601") + ready('E'));
  EXPECT_EQ(inspector.answers, (Lines{"failed 0A000"}));
  t.client(query("SELECT currval('s')"));
  t.backend(error("25P02") + ready('E'));
  EXPECT_EQ(inspector.answers, (Lines{"failed 0A000", "failed 25P02"}));
}

TEST_P(ConversationAnswers, WhatSluiceAnswersItselfIsDone) {
  Talk t = inspected();
  t.client(parse("a", "SELECT 1") + sync());
  t.backend(parsed() + ready());
  t.client(query("DEALLOCATE a"));
  EXPECT_EQ(inspector.answers, (Lines{"done"}));
}

TEST_P(ConversationAnswers, ParsesThatFailBeforeTheBackendSkipWhatFollows) {
  Talk t = inspected();
  t.client(parse("a", "SELECT 1") + sync());
  t.backend(parsed() + ready());
  t.client(parse("a", "SELECT 2") + bind_message("", "a") + execute() + sync());
  t.backend(error("42P05") + ready());
  EXPECT_EQ(inspector.answers, (Lines{"skipped"}));
}

}  // namespace
}  // namespace sluice::protocol::postgresql::testing
