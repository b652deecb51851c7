// Cursors WITH HOLD: pinned until the last of them is closed.

#include "tests/protocol/postgresql/conversation_fixture.hpp"

namespace sluice::protocol::postgresql::testing {
namespace {

using ConversationCursor = ConversationTest;
INSTANTIATE_TEST_SUITE_P(Chunks, ConversationCursor, ::testing::Values(0, 1, 13));

// Runs a statement that succeeds; what it pinned is in t.conversation->pins().
void run(Talk& t, std::string_view sql, char status = 'I') {
  t.client(query(sql));
  t.backend(complete("OK") + ready(status));
  t.to_client();
  t.to_backend();
}

TEST_P(ConversationCursor, CursorsAreHeldUntilTheLastIsClosed) {
  struct Row {
    std::vector<std::string_view> declared, closed;
    bool pinned;
  };
  const std::string_view a = "DECLARE a CURSOR WITH HOLD FOR SELECT 1";
  const std::string_view b = "DECLARE b CURSOR WITH HOLD FOR SELECT 1";
  for (const Row& row :
       {Row{{a, b}, {"CLOSE a"}, true}, Row{{a, b}, {"CLOSE b", "CLOSE a"}, false},
        Row{{a}, {"CLOSE \"A\""}, true}, Row{{a}, {"SELECT 1; CLOSE a"}, true},
        // One whose name was not seen is closed with all the others only.
        Row{{"SELECT 1; DECLARE b CURSOR WITH HOLD FOR SELECT 1", a}, {"CLOSE a"}, true},
        Row{{"SELECT 1; DECLARE b CURSOR WITH HOLD FOR SELECT 1", a}, {"CLOSE ALL"}, false}}) {
    Talk t = talk();
    for (std::string_view sql : row.declared) {
      run(t, sql);
    }
    EXPECT_TRUE(t.conversation->pins().has(Pin::cursor)) << row.declared[0];
    for (std::string_view sql : row.closed) {
      run(t, sql);
    }
    EXPECT_EQ(t.conversation->pins().any(), row.pinned) << row.closed[0];
  }
}

TEST_P(ConversationCursor, AClosedCursorMayComeBackWithARollback) {
  Talk t = talk();
  run(t, "DECLARE a CURSOR WITH HOLD FOR SELECT 1");
  run(t, "BEGIN", 'T');
  run(t, "CLOSE a", 'T');
  run(t, "ROLLBACK");
  EXPECT_TRUE(t.conversation->pins().has(Pin::cursor));
}

TEST_P(ConversationCursor, CursorsBeyondWhatIsRememberedArePinnedUntilCloseAll) {
  Talk t = talk();
  for (int i = 0; i < 40; ++i) {
    run(t, "DECLARE c" + std::to_string(i) + " CURSOR WITH HOLD FOR SELECT 1");
  }
  for (int i = 0; i < 40; ++i) {
    run(t, "CLOSE c" + std::to_string(i));
  }
  EXPECT_TRUE(t.conversation->pins().has(Pin::cursor));
  run(t, "CLOSE ALL");
  EXPECT_FALSE(t.conversation->pins().any());
}

}  // namespace
}  // namespace sluice::protocol::postgresql::testing
