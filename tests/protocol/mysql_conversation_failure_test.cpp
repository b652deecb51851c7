#include "tests/protocol/mysql_conversation_fixture.hpp"

namespace sluice::protocol::mysql {
namespace {

class MysqlFailure : public MysqlConversationTest {
 protected:
  Ending lose() {
    const Ending ending =
        conversation->backend_lost(fail(FailureKind::backend_lost, "gone"), exchange);
    attached = nullptr;
    take(exchange.to_client, to_client);
    return ending;
  }
};
INSTANTIATE_TEST_SUITE_P(Chunks, MysqlFailure, ::testing::Bool(), chunk_name);

constexpr std::string_view kLost("\xff\xdd\x07");  // 2013

TEST_P(MysqlFailure, ARefusedRequestIsAnsweredAndTheNextOneGoesOn) {
  start();
  next = 2;
  client(query("SELECT 1") + query("SELECT 2"));
  EXPECT_EQ(need, Need::backend);
  EXPECT_EQ(conversation->refuse(fail(FailureKind::pool_timeout, "none free"), exchange),
            Ending::carry_on);
  next = 0;
  pump();
  settle();
  EXPECT_EQ(told().substr(4, 3), "\xff\xb3\x04");  // 1203
  EXPECT_TRUE(sent().ends_with(query("SELECT 2")));
}

TEST_P(MysqlFailure, LostBeforeTheReplyIsAnError) {
  start();
  client(query("SELECT 1"));
  settle();
  EXPECT_EQ(lose(), Ending::carry_on);
  EXPECT_EQ(told().substr(3, 4), "\x01" + std::string(kLost));
  next = 1;
  client(query("SELECT 2"));
  settle();
  EXPECT_TRUE(sent().ends_with(query("SELECT 2")));
}

TEST_P(MysqlFailure, LostWhileItIsSetUpIsTriedElsewhere) {
  start();
  client(query("SELECT 1"));
  EXPECT_EQ(lose(), Ending::carry_on);
  EXPECT_EQ(told(), "");
  next = 1;
  pump();
  settle();
  EXPECT_TRUE(sent().ends_with(query("SELECT 1")));
}

TEST_P(MysqlFailure, LostInATransactionOrAResultCloses) {
  start();
  run("BEGIN", pkt(1, ok(kInTrx)));
  told();
  client(query("SELECT 1"));
  EXPECT_EQ(lose(), Ending::close);
  EXPECT_EQ(told().substr(4, 3), kLost);

  start();
  make_links(kModern);
  pending.clear();
  client(query("SELECT 1"));
  settle();
  backend(pkt(1, "\x01") + pkt(2, "column"));
  told();
  EXPECT_EQ(lose(), Ending::close);
  EXPECT_EQ(told().substr(3, 4), "\x03" + std::string(kLost));

  start();
  make_links(kModern);
  pending.clear();
  client(query("SELECT 1"));
  settle();
  backend(pkt(1, "\x01") + pkt(2, "column").substr(0, 7));
  told();
  EXPECT_EQ(lose(), Ending::close);
  EXPECT_EQ(told(), "") << "nothing may be written into the middle of a packet";
}

TEST_P(MysqlFailure, FarewellIsAnError) {
  start();
  conversation->farewell(fail(FailureKind::shutting_down, "bye"), exchange.to_client);
  drain();
  EXPECT_EQ(told().substr(3, 4), std::string("\0\xff\x1d\x04", 4));  // 1053
}

TEST_P(MysqlFailure, KillOfAVirtualIdIsTheSessionsWork) {
  start();
  client(query("KILL QUERY 2147483653") + query("SELECT 1"));
  EXPECT_EQ(need, Need::reply);
  auto special = conversation->take_special();
  ASSERT_TRUE(special.has_value());
  EXPECT_EQ(special->kind, Conversation::Special::Kind::kill);
  EXPECT_EQ(special->connection_id, kVirtualId | 5U);
  EXPECT_TRUE(special->query_only);
  EXPECT_FALSE(conversation->take_special().has_value());
  conversation->complete_special(Done{}, exchange);
  drain();
  EXPECT_EQ(told(), pkt(1, ok()));
  pump();
  settle();
  EXPECT_TRUE(sent().ends_with(query("SELECT 1")));

  start();
  attached = nullptr;
  make_links(kModern);
  client(pkt(0, com(Command::process_kill, le32(7))));
  settle();
  EXPECT_TRUE(sent().ends_with(pkt(0, com(Command::process_kill, le32(7)))));
}

TEST_P(MysqlFailure, ChangeUserIsTheSessionsWork) {
  start();
  client(pkt(0, com(Command::change_user, "user")));
  auto special = conversation->take_special();
  ASSERT_TRUE(special.has_value());
  EXPECT_EQ(special->kind, Conversation::Special::Kind::change_user);
  EXPECT_EQ(text(special->packet), com(Command::change_user, "user"));
}

TEST_P(MysqlFailure, ChoresSwallowTheirReplies) {
  MysqlLink& link = *links[0];
  Outbox out;
  link.start_chore(Chore::ping, out);
  std::string bytes;
  take(out, bytes);
  EXPECT_EQ(bytes, pkt(0, com(Command::ping)));
  const std::string reply = pkt(1, ok());
  EXPECT_EQ(link.chore_bytes(as_bytes(reply).first(5)), ChoreState::pending);
  EXPECT_EQ(link.chore_bytes(as_bytes(reply).subspan(5)), ChoreState::done);
  link.start_chore(Chore::rollback, out);
  const std::string no = pkt(1, err(1317));
  EXPECT_EQ(link.chore_bytes(as_bytes(no)), ChoreState::failed);
}

TEST_P(MysqlFailure, AResetForgetsSettingsAndStatements) {
  start();
  run("SET time_zone='+01:00'", pkt(1, ok(kAuto, 0, 0, {variable("time_zone", "+01:00")})));
  MysqlLink& link = *links[0];
  EXPECT_EQ(setting(link.settings(), "time_zone"), "+01:00");
  Outbox out;
  link.start_chore(Chore::reset, out);
  const std::string reply = pkt(1, ok());
  EXPECT_EQ(link.chore_bytes(as_bytes(reply)), ChoreState::done);
  EXPECT_EQ(setting(link.settings(), "time_zone"), "");
  EXPECT_EQ(link.trackers, MysqlLink::Trackers::unknown);
}

TEST_P(MysqlFailure, AnIdleBackendThatSpeaksIsClosed) {
  EXPECT_TRUE(links[0]->idle_bytes({}).ok());
  const std::string bye = pkt(0, err(4031));
  Status idle = links[0]->idle_bytes(as_bytes(bye));
  ASSERT_FALSE(idle.ok());
  EXPECT_EQ(idle.failure().kind, FailureKind::backend_lost);
  EXPECT_EQ(idle.failure().mysql_errno(), 4031);
  const std::string down = pkt(0, err(1053, "Server shutdown in progress"));
  Status shutdown = links[1]->idle_bytes(as_bytes(down));
  ASSERT_FALSE(shutdown.ok());
  EXPECT_EQ(shutdown.failure().kind, FailureKind::backend_shutdown);
}

TEST_P(MysqlFailure, AnErrorThatEndsTheConnectionIsItsLast) {
  for (std::uint16_t number : {1053, 3032, 4031, 3169, 1927}) {
    start();
    make_links(kModern);
    pending.clear();
    run("SELECT 1", pkt(1, err(number)));
    EXPECT_EQ(told(), pkt(1, err(number)));
    EXPECT_FALSE(held());
    EXPECT_EQ(cleanup, Cleanup::close);
    EXPECT_EQ(need, Need::input) << "the session had nothing there";
  }
  start();
  make_links(kModern);
  run("BEGIN", pkt(1, ok(kInTrx)));
  run("SELECT 1", pkt(1, err(1053)));
  EXPECT_EQ(need, Need::close) << "its transaction is lost";
  EXPECT_EQ(cleanup, Cleanup::close);
}

TEST_P(MysqlFailure, AGoodbyeWithinATransactionIsToldOnce) {
  start();
  run("BEGIN", pkt(1, ok(kInTrx)));
  told();
  backend(pkt(0, err(1053, "Server shutdown in progress")));
  EXPECT_EQ(need, Need::close);
  const std::string words = told();
  EXPECT_EQ(static_cast<unsigned char>(words[4]), 0xFF);
  EXPECT_EQ(cleanup, Cleanup::close);
}

TEST_P(MysqlFailure, AChoreThatIsToldGoodbyeSaysSo) {
  Outbox out;
  links[0]->start_chore(Chore::ping, out);
  const std::string down = pkt(1, err(1053));
  EXPECT_EQ(links[0]->chore_bytes(as_bytes(down)), ChoreState::failed);
  ASSERT_NE(links[0]->chore_failure(), nullptr);
  EXPECT_EQ(links[0]->chore_failure()->kind, FailureKind::backend_shutdown);
}

TEST_P(MysqlFailure, ALeavingClientCutsWhatRuns) {
  start();
  client(query("SELECT SLEEP(10)"));
  settle();
  EXPECT_EQ(conversation->detach(), Cleanup::close);
}

}  // namespace
}  // namespace sluice::protocol::mysql
