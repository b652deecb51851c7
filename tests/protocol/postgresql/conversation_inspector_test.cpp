// What the Inspector is asked, and what becomes of its verdicts.

#include "tests/protocol/postgresql/inspector_fixture.hpp"

namespace sluice::protocol::postgresql::testing {
namespace {

using ConversationInspector = InspectedTest;
INSTANTIATE_TEST_SUITE_P(Chunks, ConversationInspector, ::testing::Values(0, 1, 13));

TEST_P(ConversationInspector, IsAskedOnceBeforeABackendIsNeeded) {
  Talk t = inspected();
  t.give_backend = false;
  EXPECT_EQ(t.client(query("SELECT 1")), Need::backend);
  EXPECT_EQ(inspector.asked, (Lines{"query SELECT 1 [free]"}));
  t.give_backend = true;
  EXPECT_EQ(t.resume(), Need::input);
  EXPECT_EQ(t.to_backend(), query("SELECT 1"));
  EXPECT_EQ(inspector.asked.size(), 1U);
  t.backend(columns() + row() + done("SELECT 1"));
  EXPECT_EQ(inspector.answers, (Lines{"done 1"}));
  EXPECT_EQ(t.to_client(), columns() + row() + done("SELECT 1"));
}

TEST_P(ConversationInspector, SeesTheExtendedProtocolAsPrepareAndExecute) {
  Talk t = inspected();
  t.client(parse("a", "SELECT 1") + bind_message("p", "a") + describe('P', "p") + execute("p") +
           close('P', "p") + execute("p") + sync());
  EXPECT_EQ(inspector.asked,
            (Lines{"prepare SELECT 1 [free]", "execute SELECT 1", "execute [truncated]"}));
  t.backend(parsed() + bound() + columns() + complete("SELECT 7") + closed() + error("34000") +
            ready());
  EXPECT_EQ(inspector.answers, (Lines{"done 7", "failed 34000"}));

  inspector.asked.clear();
  t.client(bind_message("", "a") + execute() + sync());  // a later batch
  EXPECT_EQ(inspector.asked, (Lines{"prepare SELECT 1 [free]", "execute SELECT 1"}));
}

TEST_P(ConversationInspector, HearsNothingOfWhatItWavesThrough) {
  Talk t = inspected();
  inspector.waved_through = {RequestKind::query, RequestKind::prepare, RequestKind::execute,
                             RequestKind::other};
  t.client(query("SELECT 1"));
  t.backend(columns() + row() + done("SELECT 1"));
  EXPECT_EQ(t.to_client(), columns() + row() + done("SELECT 1"));
  t.client(parse("a", "SELECT 1") + bind_message("p", "a") + execute("p") + sync());
  t.backend(parsed() + bound() + error("22012") + ready());
  EXPECT_EQ(t.to_client(), parsed() + bound() + error("22012") + ready());
  t.client(message('F', std::string("\0\0\1\0rest", 8)));
  t.backend(message('V', "result") + ready());
  EXPECT_EQ(inspector.asked, Lines{});
  EXPECT_EQ(inspector.answers, Lines{});
}

TEST_P(ConversationInspector, WavesThroughAtABindWhatIsExecutedNext) {
  Talk t = inspected();
  t.client(parse("a", "SELECT 1") + sync());
  t.backend(parsed() + ready());
  t.release();
  inspector.asked.clear();
  inspector.waved_through = {RequestKind::execute};
  t.client(bind_message("", "a") + sync());
  t.backend(bound() + ready());
  t.release();
  t.client(bind_message("", "a"));
  inspector.waved_through = {};
  t.client(execute() + execute() + sync());
  EXPECT_EQ(inspector.asked, Lines{"execute [truncated]"}) << "one, however many were bound";
  t.backend(bound() + complete("SELECT 1") + complete("SELECT 0") + ready());
  EXPECT_EQ(inspector.answers, Lines{"done"});
  t.release();
  inspector.asked.clear();
  t.client(bind_message("", "a") + execute() + sync());
  EXPECT_EQ(inspector.asked, (Lines{"prepare SELECT 1 [free]", "execute SELECT 1"}));
}

TEST_P(ConversationInspector, TellsAnswersApartFromThoseThatWereWavedThrough) {
  Talk t = inspected();
  inspector.waved_through = {RequestKind::query};
  t.client(query("SELECT 1") + batch("SELECT 2") + query("SELECT 3"));
  EXPECT_EQ(inspector.asked, (Lines{"prepare SELECT 2", "execute SELECT 2"}));
  t.backend(done("SELECT 1"));
  EXPECT_EQ(inspector.answers, Lines{});
  t.backend(parsed() + bound() + complete("SELECT 2") + ready());
  EXPECT_EQ(inspector.answers, Lines{"done 2"});
  t.backend(done("SELECT 3"));
  EXPECT_EQ(inspector.answers, Lines{"done 2"});
}

TEST_P(ConversationInspector, SeesFunctionCallsAndWhetherATransactionIsOpen) {
  Talk t = inspected();
  open_transaction(t);
  t.client(message('F', std::string("\0\0\1\0rest", 8)));
  EXPECT_EQ(inspector.asked, (Lines{"other [in]"}));
  t.backend(message('V', "result") + ready('T'));
  EXPECT_EQ(inspector.answers, (Lines{"done"}));
}

TEST_P(ConversationInspector, KnowsHowStringsAreReadWithoutABackend) {
  Talk t = inspected();
  t.client(query("SELECT 1"));
  t.backend(reports("standard_conforming_strings", "off") + done("SELECT 1"));
  t.release();
  t.client(query("SELECT 2"));
  EXPECT_EQ(inspector.asked.back(), "query SELECT 2 [free] [escapes]");
  Talk own = inspected({{"standard_conforming_strings", "off"}});
  own.give_backend = false;
  own.client(query("SELECT 3"));
  EXPECT_EQ(inspector.asked.back(), "query SELECT 3 [free] [escapes]");
}

TEST_P(ConversationInspector, RefusedQueryNeverMeetsABackend) {
  Talk t = inspected();
  inspector.verdicts = {refusal()};
  EXPECT_EQ(t.client(query("DROP TABLE t")), Need::input);
  const std::string answer = t.to_client();
  EXPECT_NE(answer.find("C42501"), std::string::npos);
  EXPECT_NE(answer.find("not here"), std::string::npos);
  EXPECT_TRUE(answer.ends_with(ready()));
  EXPECT_FALSE(t.attached());
  EXPECT_EQ(t.to_backend(), "");
  EXPECT_TRUE(inspector.answers.empty());
  EXPECT_TRUE(t.conversation->at_rest());
  EXPECT_EQ(t.facts.errors, 1U);

  t.client(query("SELECT 1"));  // and the session goes on
  EXPECT_EQ(t.to_backend(), query("SELECT 1"));
}

TEST_P(ConversationInspector, RefusedFunctionCallIsAnswered) {
  Talk t = inspected();
  inspector.verdicts = {refusal()};
  t.client(message('F', std::string("\0\0\1\0rest", 8)) + query("SELECT 1"));
  EXPECT_NE(t.to_client().find("C42501"), std::string::npos);
  EXPECT_EQ(t.to_backend(), query("SELECT 1"));
}

TEST_P(ConversationInspector, RefusedPrepareSkipsItsBatchWithoutABackend) {
  Talk t = inspected();
  inspector.verdicts = {refusal()};
  t.client(batch("DROP TABLE t"));
  const std::string answer = t.to_client();
  EXPECT_NE(answer.find("C42501"), std::string::npos);
  EXPECT_TRUE(answer.ends_with(ready()));
  EXPECT_FALSE(t.attached());
  EXPECT_EQ(inspector.asked.size(), 1U);
  EXPECT_TRUE(inspector.answers.empty());
  t.client(batch("SELECT 1"));
  EXPECT_EQ(inspector.asked.size(), 3U);
}

TEST_P(ConversationInspector, RefusedBindTakesNoBackend) {
  Talk t = inspected();
  t.client(parse("a", "SELECT 1") + sync());
  t.backend(parsed() + ready());
  t.to_client();
  t.to_backend();
  inspector.verdicts = {delay(), refusal()};
  EXPECT_EQ(t.client(bind_message("", "a") + execute() + sync()), Need::pause);
  EXPECT_EQ(t.resume(), Need::input);
  EXPECT_FALSE(t.attached());
  EXPECT_EQ(t.to_backend(), "");
  EXPECT_TRUE(t.to_client().ends_with(ready()));
  EXPECT_TRUE(inspector.answers.empty());
}

TEST_P(ConversationInspector, RefusedExecuteFailsTheBatchOnTheServer) {
  Talk t = inspected();
  inspector.verdicts = {{}, refusal()};
  t.client(parse("", "SELECT 1") + bind_message("", "") + execute() + bind_message("", "") +
           execute() + sync());
  EXPECT_EQ(inspector.asked.size(), 2U);  // what follows is not asked: it will not run
  EXPECT_EQ(t.to_backend(),
            parse("", "SELECT 1") + bind_message("", "") + failing_message() + sync());
  t.backend(parsed() + bound() + error("26000") + ready());
  const std::string answer = t.to_client();
  EXPECT_TRUE(answer.starts_with(parsed() + bound()));
  EXPECT_NE(answer.find("C42501"), std::string::npos);
  EXPECT_EQ(answer.find("26000"), std::string::npos);
  EXPECT_TRUE(answer.ends_with(ready()));
  EXPECT_TRUE(inspector.answers.empty());
  EXPECT_FALSE(t.attached());
}

TEST_P(ConversationInspector, RefusedParseBehindOthersStopsTheRest) {
  Talk t = inspected();
  inspector.verdicts = {{}, {}, refusal()};
  t.client(parse("", "SELECT 1") + bind_message("", "") + execute() + parse("x", "DROP TABLE t") +
           bind_message("", "x") + execute() + sync());
  EXPECT_EQ(t.to_backend(),
            parse("", "SELECT 1") + bind_message("", "") + execute() + failing_message() + sync());
  t.backend(parsed() + bound() + complete("SELECT 1") + error("26000") + ready());
  EXPECT_EQ(inspector.answers, (Lines{"done 1"}));
  EXPECT_NE(t.to_client().find("C42501"), std::string::npos);
}

TEST_P(ConversationInspector, RefusedQueryFailsTheOpenTransaction) {
  Talk t = inspected();
  open_transaction(t);
  inspector.verdicts = {refusal(FailureKind::read_only_route)};
  t.client(query("DELETE FROM t"));
  EXPECT_EQ(inspector.asked, (Lines{"query DELETE FROM t [in]"}));
  EXPECT_EQ(t.to_backend(), failing());
  t.backend(error("42601") + ready('E'));
  const std::string answer = t.to_client();
  EXPECT_NE(answer.find("C25006"), std::string::npos);
  EXPECT_EQ(answer.find("42601"), std::string::npos);
  EXPECT_TRUE(answer.ends_with(ready('E')));
  EXPECT_TRUE(inspector.answers.empty());
  EXPECT_TRUE(t.conversation->in_transaction());

  inspector.verdicts = {refusal()};  // it has failed already: the server need not hear of it
  t.client(query("COMMIT"));
  EXPECT_EQ(t.to_backend(), "");
  EXPECT_TRUE(t.to_client().ends_with(ready('E')));
}

TEST_P(ConversationInspector, RefusedPrepareFailsTheOpenTransaction) {
  Talk t = inspected();
  open_transaction(t);
  inspector.verdicts = {refusal()};
  t.client(batch("DELETE FROM t"));
  EXPECT_EQ(t.to_backend(), failing_message() + sync());
  t.backend(error("26000") + ready('E'));
  EXPECT_TRUE(t.to_client().ends_with(ready('E')));
  EXPECT_TRUE(t.conversation->in_transaction());
}

TEST_P(ConversationInspector, RefusalTakesItsTurnBehindWhatIsOutstanding) {
  Talk t = inspected();
  inspector.verdicts = {{}, refusal(), {}};
  t.client(query("SELECT 1") + query("DROP TABLE t") + query("SELECT 2"));
  EXPECT_EQ(t.to_backend(), query("SELECT 1") + failing() + query("SELECT 2"));
  EXPECT_EQ(t.to_client(), "");
  t.backend(done("SELECT 1") + error("42601") + ready() + done("SELECT 2"));
  const std::string answer = t.to_client();
  EXPECT_TRUE(answer.starts_with(done("SELECT 1")));
  EXPECT_TRUE(answer.ends_with(ready() + done("SELECT 2")));
  EXPECT_EQ(inspector.answers, (Lines{"done 1", "done 2"}));
}

TEST_P(ConversationInspector, RefusedQueryInAnOpenBatchFailsItsTransaction) {
  Talk t = inspected();
  t.client(parse("", "INSERT INTO t VALUES (1)") + bind_message("", "") + execute() + flush());
  t.backend(parsed() + bound() + complete("INSERT 0 1"));
  t.to_backend();
  inspector.verdicts = {refusal()};
  t.client(query("DROP TABLE t"));
  EXPECT_EQ(t.to_backend(), failing());
}

TEST_P(ConversationInspector, DelayAsksAgain) {
  Talk t = inspected();
  inspector.verdicts = {delay(), delay(), {}};
  EXPECT_EQ(t.client(query("SELECT 1")), Need::pause);
  EXPECT_FALSE(t.attached());
  EXPECT_EQ(t.resume(), Need::pause);
  EXPECT_EQ(t.resume(), Need::input);
  EXPECT_EQ(inspector.asked.size(), 3U);
  EXPECT_EQ(t.to_backend(), query("SELECT 1"));

  t.backend(done("SELECT 1"));
  inspector.verdicts = {delay(), refusal()};
  EXPECT_EQ(t.client(batch("SELECT 2")), Need::pause);
  EXPECT_EQ(t.resume(), Need::input);
  EXPECT_EQ(t.to_backend(), "");
}

TEST_P(ConversationInspector, RewrittenTextIsWhatRuns) {
  Talk t = inspected();
  inspector.verdicts = {rewritten("SELECT 1 /*tag*/")};
  t.client(query("SELECT 1"));
  EXPECT_EQ(t.to_backend(), query("SELECT 1 /*tag*/"));
  t.backend(done("SELECT 1"));

  inspector.verdicts = {rewritten("SELECT 22 /*tag*/")};
  const std::string types = std::string("\0\1\0\0\0\x17", 6);
  t.client(message('P', text("") + text("SELECT 2") + types) + bind_message("", "") + execute() +
           sync());
  EXPECT_EQ(t.to_backend(), message('P', text("") + text("SELECT 22 /*tag*/") + types) +
                                bind_message("", "") + execute() + sync());
  EXPECT_EQ(inspector.asked.back(), "execute SELECT 22 /*tag*/");
}

TEST_P(ConversationInspector, RewrittenStatementsArePreparedAgainAsTheyWereSent) {
  Talk t = inspected();
  inspector.verdicts = {rewritten("SELECT 2")};
  t.client(parse("a", "SELECT 1") + sync());
  const std::string first = t.to_backend();
  EXPECT_NE(first.find("SELECT 2"), std::string::npos);
  EXPECT_EQ(first.find("SELECT 1"), std::string::npos);
  t.backend(parsed() + ready());
  t.new_link();
  t.client(bind_message("", "a") + execute() + sync());
  EXPECT_NE(t.to_backend().find("SELECT 2"), std::string::npos);

  // Who asks for the text that was sent shares the statement.
  Talk other = inspected();
  inspector.verdicts = {rewritten("SELECT 2"), rewritten("SELECT 2")};
  other.client(parse("a", "SELECT 1") + parse("b", "SELECT 2") + sync());
  EXPECT_EQ(other.facts.prepared_misses, 1U);
  EXPECT_EQ(other.facts.prepared_hits, 1U);
}

TEST_P(ConversationInspector, RewriteWaitsForABackend) {
  Talk t = inspected();
  t.give_backend = false;
  inspector.verdicts = {rewritten("SELECT 2")};
  EXPECT_EQ(t.client(query("SELECT 1")), Need::backend);
  t.give_backend = true;
  EXPECT_EQ(t.resume(), Need::input);
  EXPECT_EQ(t.to_backend(), query("SELECT 2"));
  t.backend(done("SELECT 1"));
  t.client(query("SELECT 3"));
  EXPECT_EQ(t.to_backend(), query("SELECT 3"));  // of that request alone
}

TEST_P(ConversationInspector, TextsAreSeenWholeUpToTheBound) {
  Talk t = inspected();
  const std::string middle = "SELECT '" + std::string(100'000, 'x') + "'";
  t.client(query(middle));
  EXPECT_EQ(inspector.size, middle.size());
  EXPECT_TRUE(inspector.asked.back().ends_with("x [free]"));
  t.backend(done("SELECT 1"));
  t.client(parse("m", middle) + sync());
  EXPECT_EQ(inspector.size, middle.size());
  t.backend(parsed() + ready());
  EXPECT_TRUE(t.conversation->pins().has(Pin::prepared));  // it is too long to be kept
  t.to_backend();

  const std::string large = "SELECT '" + std::string(300'000, 'x') + "'";
  t.client_in_two(query(large));
  EXPECT_TRUE(inspector.asked.back().ends_with("[truncated]")) << inspector.asked.back();
  EXPECT_LE(inspector.size, kKeep);
  EXPECT_EQ(t.to_backend(), query(large));
  t.backend(done("SELECT 1"));

  inspector.verdicts = {refusal(FailureKind::statement_unseen)};
  t.client_in_two(query(large) + query("SELECT 1"));
  EXPECT_EQ(t.to_backend(), query("SELECT 1"));

  inspector.verdicts = {rewritten("no")};  // what was not seen whole goes on as it came
  t.backend(done("SELECT 1"));
  t.client_in_two(query(large));
  EXPECT_EQ(t.to_backend(), query(large));
}

TEST_P(ConversationInspector, LongStatementsAreExecutedAsUnseen) {
  Talk t = inspected();
  t.client_in_two(parse("l", "SELECT '" + std::string(300'000, 'x') + "'") + bind_message("", "l") +
                  execute() + sync());
  EXPECT_EQ(inspector.asked.back(), "execute [truncated]");
}

TEST_P(ConversationInspector, DigestsOfPreparedTextsAreMadeOnce) {
  Talk t = inspected();
  inspector.digests = true;
  t.client(parse("a", "SELECT digest_once") + bind_message("", "a") + execute() + sync());
  t.backend(parsed() + bound() + done("SELECT 1"));
  t.client(bind_message("", "a") + execute() + sync());
  ASSERT_EQ(inspector.fingerprints.size(), 4U);
  EXPECT_EQ(inspector.fingerprints[1], inspector.fingerprints[2]);
  EXPECT_EQ(inspector.fingerprints[1], inspector.fingerprints[3]);
  t.backend(bound() + done("SELECT 1"));

  Talk other = inspected();  // of another session, too
  other.client(parse("b", "SELECT digest_once") + bind_message("", "b") + execute() + sync());
  ASSERT_EQ(inspector.fingerprints.size(), 6U);
  EXPECT_EQ(inspector.fingerprints[5], inspector.fingerprints[1]);
}

TEST_P(ConversationInspector, PortalsAreForgottenWithTheirTransaction) {
  Talk t = inspected();
  open_transaction(t);
  t.client(parse("", "SELECT 1") + bind_message("p", "") + sync());
  t.backend(parsed() + bound() + ready('T'));
  t.client(execute("p") + sync());
  EXPECT_EQ(inspector.asked.back(), "execute SELECT 1 [in]");
  t.backend(done("SELECT 1", 'T'));
  t.auto_release = false;
  t.client(query("COMMIT"));
  t.backend(done("COMMIT"));
  t.client(execute("p") + sync());
  EXPECT_EQ(inspector.asked.back(), "execute [truncated]");
}

}  // namespace
}  // namespace sluice::protocol::postgresql::testing
