// Simple queries, release, errors, failures of the backend.

#include "tests/protocol/postgresql/conversation_fixture.hpp"

namespace sluice::protocol::postgresql::testing {
namespace {

using ConversationQuery = ConversationTest;
INSTANTIATE_TEST_SUITE_P(Chunks, ConversationQuery, ::testing::Values(0, 1, 7));

TEST_P(ConversationQuery, PassesThroughAndReleases) {
  Talk t = talk();
  EXPECT_EQ(t.client(query("SELECT 1")), Need::input);
  EXPECT_EQ(t.to_backend(), query("SELECT 1"));
  EXPECT_TRUE(t.conversation->outstanding());
  std::string answer = columns() + row() + complete("SELECT 1") + ready();
  t.backend(answer);
  EXPECT_EQ(t.to_client(), answer);
  EXPECT_FALSE(t.attached());
  EXPECT_EQ(t.last_cleanup, Cleanup::none);
  EXPECT_EQ(t.facts.queries, 1U);
  EXPECT_EQ(t.facts.transactions, 1U);
}

TEST(ConversationPieces, UntouchedBytesAreOneBorrowedPiece) {
  Talk t;
  std::string bytes = query("SELECT 1") + query("SELECT 2") + query("SELECT 3");
  t.client(query("SELECT 0"));
  Exchange out;
  Bytes in = as_bytes(bytes);
  EXPECT_EQ(t.conversation->from_client(in, out), Need::input);
  ASSERT_EQ(out.to_backend.pieces(), 1U);
  EXPECT_EQ(out.to_backend.piece(0).data(), as_bytes(bytes).data());
  Exchange back;
  std::string answer = columns() + row() + row() + complete("SELECT 2") + ready();
  t.conversation->from_backend(as_bytes(answer), back);
  ASSERT_EQ(back.to_client.pieces(), 1U);
  EXPECT_EQ(back.to_client.piece(0).data(), as_bytes(answer).data());
}

TEST_P(ConversationQuery, HoldsTheBackendInATransaction) {
  Talk t = talk();
  t.client(query("BEGIN"));
  t.backend(complete("BEGIN") + ready('T'));
  EXPECT_TRUE(t.attached());
  EXPECT_TRUE(t.conversation->in_transaction());
  t.client(query("COMMIT"));
  t.backend(complete("COMMIT") + ready());
  EXPECT_FALSE(t.attached());
  EXPECT_EQ(t.facts.transactions, 1U);
}

TEST_P(ConversationQuery, PipelinedQueriesReleaseAfterTheLastReply) {
  Talk t = talk();
  t.client(query("SELECT 1") + query("SELECT 2"));
  t.backend(complete("SELECT 1") + ready());
  EXPECT_TRUE(t.attached());
  t.backend(complete("SELECT 1") + ready());
  EXPECT_FALSE(t.attached());
}

TEST_P(ConversationQuery, AClientThatLeavesInATransactionIsRolledBack) {
  Talk t = talk();
  t.client(query("BEGIN"));
  t.backend(complete("BEGIN") + ready('T'));
  EXPECT_EQ(t.release(), Cleanup::rollback);
}

TEST_P(ConversationQuery, AClientThatLeavesWithRepliesOutstandingClosesTheBackend) {
  Talk t = talk();
  t.client(query("SELECT 1"));
  EXPECT_EQ(t.release(), Cleanup::close);
}

TEST_P(ConversationQuery, HalfARequestInTheBackendClosesIt) {
  Talk t = talk();
  std::string big = query("SELECT '" + std::string(100000, 'x') + "'");
  t.client(big.substr(0, 90000));
  EXPECT_EQ(t.release(), Cleanup::close);
}

TEST_P(ConversationQuery, TerminateIsNotForwarded) {
  Talk t = talk();
  EXPECT_EQ(t.client(message('X')), Need::close);
  EXPECT_EQ(t.to_backend(), "");
}

TEST_P(ConversationQuery, GarbageEndsTheSession) {
  for (const std::string& bad : {std::string("Q\0\0\0\3", 5), message('y', "?"),
                                 message('p', "secret"), message('S', "more")}) {
    Talk t = talk();
    EXPECT_EQ(t.client(bad), Need::close);
    std::string answer = t.to_client();
    EXPECT_NE(answer.find("08P01"), std::string::npos);
    EXPECT_NE(answer.find("FATAL"), std::string::npos);
  }
  SessionDefaults small;
  small.max_message = 1000;
  Talk t = talk({}, small);
  EXPECT_EQ(t.client(query(std::string(1001, ' '))), Need::close);
  EXPECT_NE(t.to_client().find("54000"), std::string::npos);
}

TEST_P(ConversationQuery, LongTextsStreamThrough) {
  Talk t = talk();
  std::string big = query("SELECT '" + std::string(300000, 'x') + "'");
  t.client(big);
  EXPECT_EQ(t.to_backend(), big);
  std::string answer = columns() + row(std::string(200000, 'y')) + complete("SELECT 1") + ready();
  t.backend(answer);
  EXPECT_EQ(t.to_client(), answer);
  EXPECT_FALSE(t.attached());
}

TEST_P(ConversationQuery, LongTextsPinLikeShortOnes) {
  Talk t = talk();
  t.client(query("SELECT '" + std::string(300000, 'x') + "'; LISTEN a"));
  t.backend(complete("SELECT 1") + complete("LISTEN") + ready());
  EXPECT_TRUE(t.attached());
  EXPECT_TRUE(t.conversation->pins().has(Pin::listen));
}

TEST_P(ConversationQuery, NoticesAndReportsPassBetweenMessages) {
  Talk t = talk();
  t.client(query("SELECT 1"));
  std::string notice = message('N', "SNOTICE\0\0");
  std::string answer = notice + columns() + notice + complete("SELECT 0") + notice + ready();
  t.backend(answer);
  EXPECT_EQ(t.to_client(), answer);
}

TEST_P(ConversationQuery, RefusedQueryIsAnsweredInFull) {
  Talk t = talk();
  t.give_backend = false;
  EXPECT_EQ(t.client(query("SELECT 1")), Need::backend);
  Exchange out;
  EXPECT_EQ(t.conversation->refuse(fail(FailureKind::pool_timeout, "no backend"), out),
            Ending::carry_on);
  std::string answer = bytes_of(out.to_client);
  EXPECT_NE(answer.find("53300"), std::string::npos);
  EXPECT_TRUE(answer.ends_with(ready()));
  EXPECT_EQ(t.resume(), Need::input);
  t.give_backend = true;
  t.client(query("SELECT 2"));
  EXPECT_EQ(t.to_backend(), query("SELECT 2"));
}

TEST_P(ConversationQuery, RefusedBatchIsSkippedToItsSync) {
  Talk t = talk();
  t.give_backend = false;
  EXPECT_EQ(t.client(parse("", "SELECT 1") + bind_message("", "") + execute() + sync()),
            Need::backend);
  Exchange out;
  t.conversation->refuse(fail(FailureKind::pool_timeout, "no backend"), out);
  EXPECT_FALSE(bytes_of(out.to_client).ends_with(ready()));
  EXPECT_EQ(t.resume(), Need::input);
  EXPECT_EQ(t.to_client(), ready());
  EXPECT_EQ(t.to_backend(), "");
}

TEST_P(ConversationQuery, LostBackendIsAnErrorWhenNothingWasAnswered) {
  Talk t = talk();
  t.client(query("SELECT 1"));
  Exchange out;
  EXPECT_EQ(t.conversation->backend_lost(fail(FailureKind::backend_lost, "gone"), out),
            Ending::carry_on);
  std::string answer = bytes_of(out.to_client);
  EXPECT_NE(answer.find("08006"), std::string::npos);
  EXPECT_NE(answer.find("ERROR"), std::string::npos);
  EXPECT_TRUE(answer.ends_with(ready()));
  t.to_backend();
  t.new_link();
  t.client(query("SELECT 2"));
  EXPECT_EQ(t.to_backend(), query("SELECT 2"));
}

TEST_P(ConversationQuery, LostBackendClosesWhatCannotBeAnswered) {
  struct Row {
    std::string client, backend;
    bool text;
  };
  std::string result = columns() + row();
  for (const Row& lost : {Row{query("SELECT 1"), result, true},
                          Row{query("SELECT 1"), result.substr(0, result.size() - 2), false},
                          Row{query("BEGIN"), complete("BEGIN") + ready('T'), true},
                          Row{query("SELECT 1") + query("SELECT 2"), "", true},
                          Row{query("SELECT 1"), error("57P01", "shutdown", "FATAL"), false}}) {
    Talk t = talk();
    t.client(lost.client);
    t.backend(lost.backend);
    Exchange out;
    EXPECT_EQ(t.conversation->backend_lost(fail(FailureKind::backend_lost, "gone"), out),
              Ending::close);
    EXPECT_EQ(bytes_of(out.to_client).find("FATAL") != std::string::npos, lost.text);
    EXPECT_EQ(t.client(""), Need::close);
  }
}

TEST_P(ConversationQuery, LostBackendSkipsAnOpenBatch) {
  Talk t = talk();
  t.client(parse("", "SELECT 1") + bind_message("", ""));
  Exchange out;
  EXPECT_EQ(t.conversation->backend_lost(fail(FailureKind::backend_lost, "gone"), out),
            Ending::carry_on);
  EXPECT_FALSE(bytes_of(out.to_client).ends_with(ready()));
  t.client(execute() + sync());
  EXPECT_EQ(t.to_client(), ready());
}

TEST_P(ConversationQuery, FatalFromTheServerIsTheOneError) {
  Talk t = talk();
  t.client(query("SELECT pg_sleep(9)"));
  std::string fatal = error("57P01", "terminating", "FATAL");
  t.backend(fatal);
  EXPECT_EQ(t.to_client(), fatal);
}

TEST_P(ConversationQuery, UnaskedMessagesFromTheServerEndTheSession) {
  for (const std::string& bad : {row(), bound(), message('Z', "?"), message('W', "both"),
                                 message('R', be32(0)), std::string("C\0\0\0\0", 5)}) {
    Talk t = talk();
    t.client(query("SELECT 1"));
    t.backend(bad == row() ? ready() + bad : bad);
    if (bad == row()) {
      continue;  // released by then: idle_bytes() judges it
    }
    EXPECT_TRUE(t.conversation->finished()) << bad;
    EXPECT_NE(t.to_client().find("FATAL"), std::string::npos);
  }
}

TEST_P(ConversationQuery, FunctionCallPasses) {
  Talk t = talk();
  std::string call = message('F', "function");
  t.client(call);
  EXPECT_EQ(t.to_backend(), call);
  t.backend(message('V', "value") + ready());
  EXPECT_EQ(t.to_client(), message('V', "value") + ready());
  EXPECT_FALSE(t.attached());
}

}  // namespace
}  // namespace sluice::protocol::postgresql::testing
