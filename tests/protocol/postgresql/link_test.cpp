// A backend that nobody holds: chores, and what it says unasked.

#include "tests/protocol/postgresql/conversation_fixture.hpp"

namespace sluice::protocol::postgresql::testing {
namespace {

TEST(BackendLink, PingRollbackAndReset) {
  struct Row {
    Chore chore;
    char status;
    std::string sent, answer;
  };
  for (const Row& row :
       {Row{Chore::ping, 'I', query(""), message('I') + ready()},
        Row{Chore::rollback, 'T', query("ROLLBACK"), complete("ROLLBACK") + ready()},
        Row{Chore::commit, 'T', query("COMMIT"), complete("COMMIT") + ready()},
        Row{Chore::reset, 'I', query("DISCARD ALL"), complete("DISCARD ALL") + ready()},
        Row{Chore::reset, 'E', query("ROLLBACK") + query("DISCARD ALL"),
            complete("ROLLBACK") + ready() + complete("DISCARD ALL") + ready()}}) {
    for (bool whole : {true, false}) {
      BackendLink link({}, 10);
      link.status = row.status;
      Outbox out;
      link.start_chore(row.chore, out);
      EXPECT_EQ(bytes_of(out), row.sent);
      ChoreState state = ChoreState::pending;
      for (std::size_t i = 0; i < row.answer.size() && !whole; ++i) {
        EXPECT_EQ(state, ChoreState::pending);
        state = link.chore_bytes(as_bytes(std::string_view(row.answer).substr(i, 1)));
      }
      EXPECT_EQ(whole ? link.chore_bytes(as_bytes(row.answer)) : state, ChoreState::done);
    }
  }
  for (const std::string& bad :
       {error("57P01", "bye", "FATAL"), row("x"), ready('T'), message('I') + ready() + ready()}) {
    BackendLink link({}, 10);
    Outbox out;
    link.start_chore(Chore::ping, out);
    EXPECT_EQ(link.chore_bytes(as_bytes(bad)), ChoreState::failed);
  }
  BackendLink link({}, 10);
  Outbox out;
  link.start_chore(Chore::ping, out);
  const std::string goodbye = notice("57P01", "immediate shutdown");
  EXPECT_EQ(link.chore_bytes(as_bytes(goodbye)), ChoreState::failed);
  EXPECT_EQ(link.chore_failure()->kind, FailureKind::backend_shutdown);
}

TEST(BackendLink, IdleBytes) {
  BackendLink link({}, 10);
  EXPECT_TRUE(link.idle_bytes(as_bytes(reports("TimeZone", "UTC") + message('N', "notice"))).ok());
  EXPECT_EQ(link.parameter("TimeZone"), "UTC");
  EXPECT_TRUE(link.idle_bytes(as_bytes(message('A', "notification"))).ok());
  Status down = link.idle_bytes(as_bytes(error("57P01", "terminating", "FATAL")));
  ASSERT_FALSE(down.ok());
  EXPECT_EQ(down.failure().sqlstate(), "57P01");
  EXPECT_EQ(down.failure().kind, FailureKind::backend_shutdown);
  const std::string crash = notice("57P02", "crash of another server process");
  Status crashed = BackendLink({}, 10).idle_bytes(as_bytes(crash));
  ASSERT_FALSE(crashed.ok());
  EXPECT_EQ(crashed.failure().kind, FailureKind::backend_shutdown);
  Status killed = BackendLink({}, 10).idle_bytes(as_bytes(error("25P03", "idle", "FATAL")));
  EXPECT_EQ(killed.failure().kind, FailureKind::backend_lost);
  EXPECT_FALSE(BackendLink({}, 10).idle_bytes(as_bytes(row())).ok());
  EXPECT_FALSE(BackendLink({}, 10).idle_bytes(as_bytes(std::string("N\0\0\0\1", 5))).ok());
}

}  // namespace
}  // namespace sluice::protocol::postgresql::testing
