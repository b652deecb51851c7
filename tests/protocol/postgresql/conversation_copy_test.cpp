// COPY in both directions, by simple and by extended queries.

#include "tests/protocol/postgresql/conversation_fixture.hpp"

namespace sluice::protocol::postgresql::testing {
namespace {

using ConversationCopy = ConversationTest;
INSTANTIATE_TEST_SUITE_P(Chunks, ConversationCopy, ::testing::Values(0, 1, 11));

std::string done(std::string_view tag = "SELECT 1") {
  return complete(tag) + ready();
}

TEST_P(ConversationCopy, CopyInOfASimpleQuery) {
  Talk t = talk();
  t.client(query("COPY t FROM STDIN"));
  EXPECT_FALSE(t.conversation->awaits_client());
  t.backend(message('G', "format"));
  EXPECT_TRUE(t.conversation->awaits_client());
  t.to_backend();
  std::string data = message('d', "1\n") + message('d', std::string(100000, '2')) + message('c');
  t.client(data);
  EXPECT_FALSE(t.conversation->awaits_client()) << "the answer is all that is missing";
  EXPECT_EQ(t.to_backend(), data);
  t.backend(done("COPY 2"));
  EXPECT_FALSE(t.attached());
}

TEST_P(ConversationCopy, SyncDuringCopyIsNotCounted) {
  Talk t = talk();
  t.client(parse("", "COPY t FROM STDIN") + bind_message("", "") + execute() + sync());
  t.backend(parsed() + bound() + message('G', "format"));
  EXPECT_TRUE(t.attached());
  t.to_backend();
  t.client(sync() + flush() + message('d', "1\n") + message('c') + sync());
  EXPECT_EQ(t.to_backend(), message('d', "1\n") + message('c') + sync());
  t.backend(done("COPY 1"));
  EXPECT_FALSE(t.attached());
}

TEST_P(ConversationCopy, CopyWithoutWaitingForTheServer) {
  Talk t = talk();
  t.client(parse("", "COPY t FROM STDIN") + bind_message("", "") + execute() + sync() +
           message('d', "1\n") + message('c') + sync());
  t.backend(parsed() + bound() + message('G', "format") + complete("COPY 1"));
  EXPECT_TRUE(t.attached());
  t.backend(ready());
  EXPECT_FALSE(t.attached());
}

TEST_P(ConversationCopy, LateCopyDataIsSwallowed) {
  Talk t = talk();
  t.client(query("COPY t FROM STDIN"));
  t.backend(message('G', "format"));
  t.client(message('d', "x"));
  t.backend(error("22P02") + ready());
  EXPECT_FALSE(t.attached());
  t.to_backend();
  EXPECT_EQ(t.client(message('d', "late") + message('c')), Need::input);
  EXPECT_EQ(t.to_backend(), "");
  EXPECT_FALSE(t.attached());
}

TEST_P(ConversationCopy, OtherMessagesDuringCopyEndTheSession) {
  Talk t = talk();
  t.client(query("COPY t FROM STDIN"));
  t.backend(message('G', "format"));
  EXPECT_EQ(t.client(query("SELECT 1")), Need::close);
  EXPECT_EQ(t.release(), Cleanup::close);
}

TEST_P(ConversationCopy, CopyOut) {
  Talk t = talk();
  t.client(query("COPY t TO STDOUT"));
  std::string answer = message('H', "format") + message('d', std::string(90000, 'x')) +
                       message('c') + done("COPY 1");
  t.backend(answer);
  EXPECT_EQ(t.to_client(), answer);
  EXPECT_FALSE(t.attached());
}

}  // namespace
}  // namespace sluice::protocol::postgresql::testing
