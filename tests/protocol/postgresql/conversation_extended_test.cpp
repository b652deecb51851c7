// The extended query protocol: prepared statements under two names, errors until Sync.

#include "tests/protocol/postgresql/conversation_fixture.hpp"

namespace sluice::protocol::postgresql::testing {
namespace {

using ConversationExtended = ConversationTest;
INSTANTIATE_TEST_SUITE_P(Chunks, ConversationExtended, ::testing::Values(0, 1, 11));

std::string done(std::string_view tag = "SELECT 1") {
  return complete(tag) + ready();
}

// Prepares `name` and returns the name that the backend was given.
std::string prepare(Talk& t, std::string_view name, std::string_view sql) {
  t.client(parse(name, sql) + sync());
  std::string server = first_name(t.to_backend());
  t.backend(parsed() + ready());
  EXPECT_EQ(t.to_client(), parsed() + ready());
  return server;
}

TEST_P(ConversationExtended, UnnamedBatchIsUntouched) {
  Talk t = talk();
  std::string batch =
      parse("", "SELECT 1") + bind_message("", "") + describe('P', "") + execute() + sync();
  t.client(batch);
  EXPECT_EQ(t.to_backend(), batch);
  std::string answer = parsed() + bound() + columns() + row() + done();
  t.backend(answer);
  EXPECT_EQ(t.to_client(), answer);
  EXPECT_FALSE(t.attached());
  EXPECT_EQ(t.facts.queries, 1U);
}

TEST_P(ConversationExtended, NamedStatementIsPreparedOnTheBackendThatRunsIt) {
  Talk t = talk();
  std::string server = prepare(t, "a", "SELECT 1");
  EXPECT_TRUE(server.starts_with("sluice_"));
  EXPECT_EQ(server.size(), 39U);
  t.client(bind_message("", "a") + execute() + sync());
  EXPECT_EQ(t.to_backend(), bind_message("", server) + execute() + sync());
  t.backend(bound() + done());
  EXPECT_EQ(t.to_client(), bound() + done());

  t.new_link();  // another backend: prepared there first, which the client does not see
  t.client(bind_message("portal", "a") + execute("portal") + sync());
  EXPECT_EQ(t.to_backend(), parse(server, "SELECT 1") + bind_message("portal", server) +
                                execute("portal") + sync());
  t.backend(parsed() + bound() + done());
  EXPECT_EQ(t.to_client(), bound() + done());
  EXPECT_EQ(t.facts.prepared_hits, 1U);
  EXPECT_EQ(t.facts.prepared_misses, 2U);
}

TEST_P(ConversationExtended, DescribeOfAStatementPreparesItToo) {
  Talk t = talk();
  std::string server = prepare(t, "a", "SELECT 1");
  t.new_link();
  t.client(describe('S', "a") + sync());
  EXPECT_EQ(t.to_backend(), parse(server, "SELECT 1") + describe('S', server) + sync());
  std::string answer = message('t', "types") + message('n') + ready();
  t.backend(parsed() + answer);
  EXPECT_EQ(t.to_client(), answer);
}

TEST_P(ConversationExtended, TheSameTextIsSharedBetweenClients) {
  Talk t = talk();
  std::string server = prepare(t, "a", "SELECT 1");
  t.new_client();
  t.client(parse("b", "SELECT 1") + bind_message("", "b") + execute() + sync());
  EXPECT_EQ(t.to_backend(), bind_message("", server) + execute() + sync());
  t.backend(bound() + done());
  EXPECT_EQ(t.to_client(), parsed() + bound() + done());
}

TEST_P(ConversationExtended, OtherSettingsAreAnotherStatement) {
  Talk t = talk({{"search_path", "one"}});
  t.client(parse("a", "SELECT 1") + sync());
  std::string sent = t.to_backend();
  t.backend(complete("BEGIN") + columns() + row() + complete("SELECT 1") + complete("COMMIT") +
            ready() + parsed() + ready());
  std::string name = sent.substr(sent.find("sluice_"), 39);
  Talk u = talk({{"search_path", "two"}});
  u.client(parse("a", "SELECT 1") + sync());
  EXPECT_EQ(u.to_backend().find(name), std::string::npos);
}

TEST_P(ConversationExtended, LocalRepliesKeepTheirPlace) {
  Talk t = talk();
  std::string server = prepare(t, "a", "SELECT 1");
  t.new_client();
  t.client(query("SELECT 0") + parse("x", "SELECT 1") + close('S', "x") + sync());
  EXPECT_EQ(t.to_client(), "");
  t.backend(columns() + done());
  EXPECT_EQ(t.to_client(), columns() + done() + parsed() + closed());
  t.backend(ready());
  EXPECT_EQ(t.to_client(), ready());
}

TEST_P(ConversationExtended, DuplicateNameIsTheServersErrorUnderTheClientsName) {
  Talk t = talk();
  std::string server = prepare(t, "a", "SELECT 1");
  t.client(parse("a", "SELECT 2") + bind_message("", "a") + sync());
  EXPECT_EQ(t.to_backend(), parse(server, "SELECT 2") + bind_message("", server) + sync());
  t.backend(error("42P05", "taken: " + server) + ready());
  std::string answer = t.to_client();
  EXPECT_NE(answer.find("prepared statement \"a\" already exists"), std::string::npos);
  EXPECT_NE(answer.find("42P05"), std::string::npos);
  EXPECT_TRUE(answer.ends_with(ready()));
  // The first one is still there.
  t.client(bind_message("", "a") + execute() + sync());
  EXPECT_EQ(t.to_backend(), bind_message("", server) + execute() + sync());
}

TEST_P(ConversationExtended, ANameOfAnUnansweredBatchIsWaitedFor) {
  Talk t = talk();
  EXPECT_EQ(t.client(parse("a", "SELECT") + sync() + parse("a", "SELECT 2") + sync()), Need::reply);
  t.to_backend();
  t.backend(error("42601") + ready());
  EXPECT_EQ(t.resume(), Need::input);  // the first one failed, so the name is free
  EXPECT_EQ(t.to_backend().find("SELECT 2"), 45U);
  t.backend(parsed() + ready());
  EXPECT_EQ(t.to_client(), error("42601") + ready() + parsed() + ready());
}

TEST_P(ConversationExtended, UnknownNamesAreTheServersToRefuse) {
  Talk t = talk();
  t.client(bind_message("", "nobody") + sync());
  EXPECT_EQ(t.to_backend(), bind_message("", "nobody") + sync());
  std::string answer = error("26000") + ready();
  t.backend(answer);
  EXPECT_EQ(t.to_client(), answer);
  // Nor can a client reach what another has prepared.
  std::string server = prepare(t, "a", "SELECT 1");
  t.new_client();
  t.client(bind_message("", server) + sync());
  EXPECT_EQ(t.to_backend(), bind_message("", "sluice_?") + sync());
}

TEST_P(ConversationExtended, ErrorDropsWhatCannotComeAnyMore) {
  Talk t = talk();
  t.client(parse("a", "SELECT") + bind_message("", "a") + execute() + sync() + query("SELECT 1"));
  t.to_backend();
  t.backend(error("42601") + ready() + done());
  EXPECT_EQ(t.to_client(), error("42601") + ready() + done());
  EXPECT_FALSE(t.attached());
  EXPECT_EQ(t.facts.errors, 1U);
  // The name is free again and the backend does not have it.
  t.client(parse("a", "SELECT 1") + sync());
  EXPECT_EQ(t.to_backend()[0], 'P');
  t.backend(parsed() + ready());
  EXPECT_EQ(t.to_client(), parsed() + ready());
}

TEST_P(ConversationExtended, FailedPreparationIsTheErrorOfTheBind) {
  Talk t = talk();
  std::string server = prepare(t, "a", "SELECT x FROM gone");
  t.new_link();
  t.client(bind_message("", "a") + execute() + sync());
  t.backend(error("42P01") + ready());
  EXPECT_EQ(t.to_client(), error("42P01") + ready());
  t.to_backend();
  t.client(bind_message("", "a") + execute() + sync());  // tried again, not assumed to be there
  EXPECT_EQ(t.to_backend(),
            parse(server, "SELECT x FROM gone") + bind_message("", server) + execute() + sync());
}

TEST_P(ConversationExtended, FakeRepliesBehindAnErrorAreNotSent) {
  Talk t = talk();
  std::string server = prepare(t, "a", "SELECT 1");
  t.client(bind_message("", "nobody") + close('S', "a") + sync());
  t.backend(error("26000") + ready());
  EXPECT_EQ(t.to_client(), error("26000") + ready());
  t.to_backend();
  t.client(bind_message("", "a") + execute() + sync());  // the Close was skipped as well
  EXPECT_EQ(t.to_backend(), bind_message("", server) + execute() + sync());
}

TEST_P(ConversationExtended, MessagesAfterAnErrorAreSkippedToTheSync) {
  Talk t = talk();
  t.client(parse("", "SELECT") + flush());
  t.backend(error("42601"));
  t.to_backend();
  EXPECT_EQ(t.to_client(), error("42601"));
  t.client(bind_message("", "") + execute() + parse("late", "SELECT 1") + query("SELECT 2"));
  EXPECT_EQ(t.to_backend(), "");
  EXPECT_TRUE(t.attached());
  t.client(sync());
  EXPECT_EQ(t.to_backend(), sync());
  t.backend(ready());
  EXPECT_FALSE(t.attached());
}

TEST_P(ConversationExtended, FlushHoldsTheBackendUntilSync) {
  Talk t = talk();
  t.client(parse("", "SELECT 1") + bind_message("c", "") + flush());
  t.backend(parsed() + bound());
  EXPECT_TRUE(t.attached());
  EXPECT_TRUE(t.conversation->in_transaction());
  t.client(execute("c") + sync());
  t.backend(message('s') + ready());
  EXPECT_FALSE(t.attached());
}

TEST_P(ConversationExtended, PipelinedBatchesReleaseAfterTheLastSync) {
  Talk t = talk();
  std::string batch = parse("", "SELECT 1") + bind_message("", "") + execute() + sync();
  t.client(batch + batch);
  t.backend(parsed() + bound() + done());
  EXPECT_TRUE(t.attached());
  t.backend(parsed() + bound() + done());
  EXPECT_FALSE(t.attached());
}

TEST_P(ConversationExtended, UnnamedStatementSurvivesItsBackend) {
  Talk t = talk();
  t.client(parse("", "SELECT 1") + sync());
  t.backend(parsed() + ready());
  t.to_backend();
  t.to_client();
  t.new_link();
  t.client(bind_message("", "") + execute() + sync());
  EXPECT_EQ(t.to_backend(), parse("", "SELECT 1") + bind_message("", "") + execute() + sync());
  t.backend(parsed() + bound() + done());
  EXPECT_EQ(t.to_client(), bound() + done());
  // A simple query destroys it, and another client's must not take its place.
  t.client(query("SELECT 2"));
  t.backend(done());
  t.new_client();
  t.client(parse("", "SELECT 3") + sync());
  t.backend(parsed() + ready());
  t.new_client();
  t.to_backend();
  t.to_client();
  t.client(bind_message("", "") + sync());
  EXPECT_EQ(t.to_backend(), close('S', "") + bind_message("", "") + sync());
  t.backend(closed() + error("26000") + ready());
  EXPECT_EQ(t.to_client(), error("26000") + ready());
}

TEST_P(ConversationExtended, LeastRecentlyUsedStatementsAreClosed) {
  SessionDefaults defaults;
  defaults.max_prepared_statements = 2;
  Talk t = talk({}, defaults);
  std::string a = prepare(t, "a", "SELECT 1");
  prepare(t, "b", "SELECT 2");
  t.client(bind_message("", "a") + execute() + sync());  // a is younger now
  t.backend(bound() + done());
  t.to_client();
  t.to_backend();
  t.client(parse("c", "SELECT 3") + sync());
  std::string sent = t.to_backend();
  EXPECT_EQ(sent[0], 'C');
  t.backend(closed() + parsed() + ready());
  EXPECT_EQ(t.to_client(), parsed() + ready());
  EXPECT_EQ(t.link->statements.size(), 2U);
  t.client(bind_message("", "a") + execute() + sync());
  EXPECT_EQ(t.to_backend(), bind_message("", a) + execute() + sync());
}

TEST_P(ConversationExtended, StatementsInFlightAreNotEvicted) {
  SessionDefaults defaults;
  defaults.max_prepared_statements = 1;
  Talk t = talk({}, defaults);
  prepare(t, "a", "SELECT 1");
  t.client(bind_message("", "a") + parse("b", "SELECT 2") + sync());
  EXPECT_EQ(t.to_backend().find(std::string("C\0\0\0", 4)), std::string::npos);
  t.backend(bound() + parsed() + ready());
  EXPECT_EQ(t.to_client(), bound() + parsed() + ready());
}

TEST_P(ConversationExtended, EvictionThatWasSkippedIsTakenBack) {
  SessionDefaults defaults;
  defaults.max_prepared_statements = 1;
  Talk t = talk({}, defaults);
  std::string a = prepare(t, "a", "SELECT 1");
  t.client(bind_message("", "nobody") + parse("b", "SELECT 2") + sync());
  t.backend(error("26000") + ready());
  t.to_client();
  t.to_backend();
  t.client(bind_message("", "a") + execute() + sync());
  EXPECT_EQ(t.to_backend(), bind_message("", a) + execute() + sync());
}

TEST_P(ConversationExtended, CloseOfWhatIsUnknownIsNoError) {
  Talk t = talk();
  t.client(close('S', "nobody") + close('P', "nobody") + sync());
  EXPECT_EQ(t.to_backend(), close('S', "nobody") + close('P', "nobody") + sync());
  t.backend(closed() + closed() + ready());
  EXPECT_EQ(t.to_client(), closed() + closed() + ready());
}

TEST_P(ConversationExtended, DeallocateInSqlMeansTheClientsName) {
  Talk t = talk();
  std::string server = prepare(t, "a", "SELECT 1");
  t.client(query("DEALLOCATE a"));
  EXPECT_EQ(t.to_backend(), "");
  EXPECT_EQ(t.to_client(), done("DEALLOCATE"));
  t.client(bind_message("", "a") + sync());
  EXPECT_EQ(t.to_backend(), bind_message("", "a") + sync());
  t.backend(error("26000") + ready());
  t.to_client();
  // Through the extended protocol it runs as something that does nothing.
  prepare(t, "Odd name", "SELECT 1 ");
  t.client(parse("", "DEALLOCATE PREPARE \"Odd name\"") + bind_message("", "") + execute() +
           sync());
  EXPECT_EQ(t.to_backend(), parse("", "DISCARD PLANS") + bind_message("", "") + execute() + sync());
  t.backend(parsed() + bound() + done("DISCARD PLANS"));
  EXPECT_EQ(t.to_client(), parsed() + bound() + done("DEALLOCATE"));
  t.client(bind_message("", "Odd name") + sync());
  EXPECT_EQ(t.to_backend(), bind_message("", "Odd name") + sync());
}

TEST_P(ConversationExtended, DeallocateAllForgetsOnBothSides) {
  for (std::string_view sql : {"DEALLOCATE ALL", "DISCARD ALL"}) {
    Talk t = talk();
    std::string server = prepare(t, "a", "SELECT 1");
    t.client(query(sql));
    t.backend(done(sql));
    EXPECT_EQ(t.link->statements.size(), 0U);
    t.to_backend();
    t.client(bind_message("", "a") + sync());
    EXPECT_EQ(t.to_backend(), bind_message("", "a") + sync());
  }
}

TEST_P(ConversationExtended, LongStatementsHoldTheirBackend) {
  Talk t = talk();
  std::string sql = "SELECT '" + std::string(200000, 'x') + "'";
  std::string sent = parse("big", sql) + sync();
  t.client(sent.substr(0, 100000));
  t.client(sent.substr(100000));
  std::string server = first_name(t.to_backend());
  t.backend(parsed() + ready());
  EXPECT_TRUE(t.attached());
  EXPECT_TRUE(t.conversation->pins().has(Pin::prepared));
  t.client(bind_message("", "big") + sync());
  EXPECT_EQ(t.to_backend(), bind_message("", server) + sync());
}

TEST_P(ConversationExtended, LongBindsStreamThrough) {
  Talk t = talk();
  std::string server = prepare(t, "a", "SELECT $1");
  std::string values = text("") + text("a") + std::string(500000, 'v');
  t.client(message('B', values) + execute() + sync());
  EXPECT_EQ(t.to_backend(),
            message('B', text("") + text(server) + std::string(500000, 'v')) + execute() + sync());
  t.backend(bound() + done());
  EXPECT_FALSE(t.attached());
}

TEST_P(ConversationExtended, StalePlansCloseTheBackendAtTheEnd) {
  Talk t = talk();
  prepare(t, "a", "SELECT * FROM t");
  t.client(bind_message("", "a") + execute() + sync());
  t.backend(error("0A000", "cached plan must not change result type") + ready());
  EXPECT_EQ(t.last_cleanup, Cleanup::close);
}

TEST_P(ConversationExtended, ABatchWithoutItsSyncAwaitsTheClient) {
  Talk t = talk();
  std::string server = prepare(t, "a", "SELECT 1");
  t.client(bind_message("", "a") + execute());
  EXPECT_TRUE(t.conversation->awaits_client());
  t.client(sync());
  EXPECT_FALSE(t.conversation->awaits_client());
}

}  // namespace
}  // namespace sluice::protocol::postgresql::testing
