#include "tests/protocol/mysql_conversation_fixture.hpp"

namespace sluice::protocol::mysql {
namespace {

using namespace std::string_literals;

INSTANTIATE_TEST_SUITE_P(Chunks, MysqlConversationTest, ::testing::Bool(), chunk_name);

TEST_P(MysqlConversationTest, WelcomesWithTheFinalOkOfTheLogin) {
  start();
  conversation->welcome({}, {}, exchange.to_client);
  drain();
  EXPECT_EQ(told(), pkt(2, ok()));
}

TEST_P(MysqlConversationTest, SetsUpABackendOnceAndForwardsUntouched) {
  start(kModern, "pets", 45);
  client(query("SELECT 1"));
  const std::string setup = sent();
  EXPECT_NE(setup.find("session_track_system_variables='*'"), std::string::npos);
  EXPECT_NE(setup.find("@@SESSION.collation_connection='utf8mb4_general_ci'"), std::string::npos);
  EXPECT_NE(setup.find(pkt(0, "\x02pets")), std::string::npos);
  EXPECT_EQ(setup.find("SELECT 1"), std::string::npos) << "the settings may fail: wait for them";
  settle();
  EXPECT_EQ(sent(), query("SELECT 1"));
  backend(result("1"));
  EXPECT_EQ(told(), result("1"));
  EXPECT_FALSE(held());
  EXPECT_EQ(cleanup, Cleanup::none);

  client(query("SELECT 2"));
  EXPECT_EQ(sent(), query("SELECT 2")) << "equal settings cost nothing";
  backend(result("2"));
  EXPECT_EQ(told(), result("2"));
  EXPECT_EQ(facts.queries, 2U);
  EXPECT_EQ(facts.transactions, 2U);
}

TEST_P(MysqlConversationTest, GivesAnOldClientTheEofPacketsThatTheBackendLeavesOut) {
  start(kOld);
  client(query("SELECT 1"));
  settle();
  backend(pkt(1, "\x01") + pkt(2, "column") + pkt(3, "\x01x") + pkt(4, "\x01y") +
          pkt(5, ok(kAuto, 0, 3, {variable("statement_id", "9")}, OkLead::end_of_result)));
  EXPECT_EQ(told(), pkt(1, "\x01") + pkt(2, "column") + pkt(3, eof()) + pkt(4, "\x01x") +
                        pkt(5, "\x01y") + pkt(6, eof(kAuto, 3)));
}

TEST_P(MysqlConversationTest, DropsTheEofPacketsOfAnOldBackend) {
  make_links(kOld);
  start();
  client(query("SELECT 1"));
  settle();
  backend(pkt(1, "\x01") + pkt(2, "column") + pkt(3, eof()) + pkt(4, "\x01x") +
          pkt(5, eof(kAuto, 3)));
  EXPECT_EQ(told(), pkt(1, "\x01") + pkt(2, "column") + pkt(3, "\x01x") + pkt(4, end(kAuto, 3)));
}

TEST_P(MysqlConversationTest, LeavesBothOldSidesAlone) {
  make_links(kOld);
  start(kOld);
  client(query("SELECT 1"));
  settle();
  const std::string reply =
      pkt(1, "\x01") + pkt(2, "column") + pkt(3, eof()) + pkt(4, "\xfb") + pkt(5, eof());
  backend(reply);
  EXPECT_EQ(told(), reply);
  EXPECT_FALSE(held());
}

TEST_P(MysqlConversationTest, HidesTrackersThatTheClientDidNotAskFor) {
  start();
  run("SET time_zone = '+01:00'",
      pkt(1,
          ok(kAuto, 0, 0, {variable("time_zone", "+01:00"), {TrackType::state_change, {}, "1"}})));
  EXPECT_EQ(told(), pkt(1, ok()));
  EXPECT_FALSE(held());
}

TEST_P(MysqlConversationTest, FollowsMultipleResultsToTheLast) {
  start();
  constexpr std::uint16_t kMore = kAuto | status_flag::kMoreResults;
  client(query("SELECT 1; DO 2; SELECT 3"));
  settle();
  const std::string first =
      pkt(1, "\x01") + pkt(2, "column") + pkt(3, "\x01x") + pkt(4, end(kMore)) + pkt(5, ok(kMore));
  backend(first);
  EXPECT_TRUE(held());
  EXPECT_TRUE(conversation->outstanding());
  const std::string last = pkt(6, "\x01") + pkt(7, "column") + pkt(8, end());
  backend(last);
  EXPECT_EQ(told(), first + last);
  EXPECT_FALSE(held());
  EXPECT_EQ(facts.queries, 1U);
}

TEST_P(MysqlConversationTest, TellsRowsFromTheirEnd) {
  start();
  client(query("SELECT x"));
  settle();
  // A NULL, a row whose first length takes eight bytes (FE), and a zero-length value.
  const std::string wide = "\xfe\x03\x00\x00\x00\x00\x00\x00\x00zzz"s;
  const std::string rows =
      pkt(1, "\x01") + pkt(2, "column") + pkt(3, "\xfb") + pkt(4, "\x00"s) + pkt(5, "\x02yy");
  backend(rows);
  EXPECT_TRUE(conversation->outstanding());
  backend(pkt(6, end()));
  EXPECT_FALSE(conversation->outstanding());
  EXPECT_EQ(told(), rows + pkt(6, end()));

  make_links(kOld);
  client(query("SELECT x"));
  settle();
  backend(pkt(1, "\x01") + pkt(2, "column") + pkt(3, eof()) + pkt(4, wide));
  EXPECT_TRUE(conversation->outstanding()) << "FE with 9 bytes or more is a row";
  backend(pkt(5, eof()));
  EXPECT_FALSE(conversation->outstanding());
}

TEST_P(MysqlConversationTest, AnErrorInTheMiddleOfRowsEndsTheReply) {
  start();
  client(query("SELECT x; SELECT y"));
  settle();
  const std::string reply = pkt(1, "\x01") + pkt(2, "column") + pkt(3, "\x01x") + pkt(4, err(1317));
  backend(reply);
  EXPECT_EQ(told(), reply);
  EXPECT_FALSE(conversation->outstanding() && attached->purpose() == Purpose::client);
  EXPECT_EQ(facts.errors, 1U);
}

TEST_P(MysqlConversationTest, AnswersPingAndResetWithoutABackend) {
  start();
  client(pkt(0, com(Command::ping)));
  client(pkt(0, com(Command::reset_connection)));
  EXPECT_EQ(told(), pkt(1, ok()) + pkt(1, ok()));
  EXPECT_EQ(attachments, 0);
}

TEST_P(MysqlConversationTest, ForwardsTheSmallCommands) {
  start(kOld);
  client(pkt(0, com(Command::statistics)));
  settle();
  backend(pkt(1, "Uptime: 1"));
  EXPECT_EQ(told(), pkt(1, "Uptime: 1"));
  client(pkt(0, com(Command::field_list, "t\0%"s)));
  backend(pkt(1, "column") + pkt(2, end()));
  EXPECT_EQ(told(), pkt(1, "column") + pkt(2, eof()));
  client(pkt(0, com(Command::set_option, "\1\0"s)));
  backend(pkt(1, end()));
  EXPECT_EQ(told(), pkt(1, eof()));
  client(pkt(0, com(Command::debug)));
  backend(pkt(1, end()));
  EXPECT_EQ(told(), pkt(1, eof()));
  EXPECT_FALSE(held());
}

TEST_P(MysqlConversationTest, RefusesWhatMustNotBeForwarded) {
  start();
  client(pkt(0, com(Command::binlog_dump, "1234567890")));
  EXPECT_EQ(told().substr(4, 3), "\xff\xd3\x04");  // 1235
  client(pkt(0, com(static_cast<Command>(0x63))));
  EXPECT_EQ(told().substr(4, 3), "\xff\x17\x04");  // 1047
  client(query("SELECT 1"));
  settle();
  backend(result("1"));
  EXPECT_EQ(told(), result("1")) << "the connection goes on";
}

TEST_P(MysqlConversationTest, QuitClosesAfterWhatWasAsked) {
  start();
  client(query("SELECT 1") + pkt(0, com(Command::quit)));
  settle();
  EXPECT_EQ(need, Need::reply);
  backend(result("1"));
  EXPECT_EQ(told(), result("1"));
  EXPECT_EQ(need, Need::close);
}

TEST_P(MysqlConversationTest, OneCommandAtATime) {
  start();
  client(query("SELECT 1") + query("SELECT 2"));
  settle();
  EXPECT_EQ(sent().find("SELECT 2"), std::string::npos);
  backend(result("1"));
  EXPECT_EQ(sent(), query("SELECT 2"));
  backend(result("2"));
  EXPECT_EQ(told(), result("1") + result("2"));
}

TEST_P(MysqlConversationTest, BadFramesEndTheConversation) {
  start();
  client(pkt(3, com(Command::query, "SELECT 1")));
  EXPECT_EQ(need, Need::close);
  EXPECT_EQ(told().substr(4, 3), "\xff\x84\x04");  // 1156
  start();
  pending.clear();
  client(pkt(0, ""));
  EXPECT_EQ(need, Need::close);
  EXPECT_EQ(told().substr(4, 3), "\xff\x2b\x07");  // 1835
}

TEST_P(MysqlConversationTest, RelaysALocalFile) {
  start();
  client(query("LOAD DATA LOCAL INFILE 'f' INTO TABLE t"));
  settle();
  sent();
  backend(pkt(1,
              "\xfb"
              "f"));
  EXPECT_EQ(told(), pkt(1,
                        "\xfb"
                        "f"));
  EXPECT_TRUE(held());
  client(pkt(2, "one\n") + pkt(3, "two\n"));
  EXPECT_EQ(sent(), pkt(2, "one\n") + pkt(3, "two\n"));
  EXPECT_TRUE(conversation->outstanding());
  EXPECT_TRUE(conversation->awaits_client());
  client(pkt(4, ""));
  EXPECT_EQ(sent(), pkt(4, ""));
  EXPECT_FALSE(conversation->awaits_client()) << "the answer is all that is missing";
  backend(pkt(5, ok()));
  EXPECT_EQ(told(), pkt(5, ok()));
  EXPECT_FALSE(held());
}

// Payloads around the size where a packet continues in the next, both ways.
class MysqlLargePackets : public MysqlConversationTest {};
INSTANTIATE_TEST_SUITE_P(Whole, MysqlLargePackets, ::testing::Values(false), chunk_name);

TEST_P(MysqlLargePackets, PassWithTheirContinuations) {
  for (std::size_t size : {std::size_t{kMaxPayload} - 1, std::size_t{kMaxPayload},
                           std::size_t{kMaxPayload} + 1, std::size_t{kMaxPayload} * 2}) {
    start(kOld);
    const std::string request =
        pkt(0, com(Command::query, "SELECT '" + std::string(size - 9, 'x')));
    client(request);
    settle();
    EXPECT_TRUE(sent().ends_with(request)) << size;
    // Each full packet is one number more, on both sides.
    const auto more = static_cast<std::uint8_t>(size / kMaxPayload);
    const auto at = [more](int number) { return static_cast<std::uint8_t>(more + number); };
    const std::string row(size, 'r');
    backend(pkt(at(1), "\x01") + pkt(at(2), "column") + pkt(at(3), row));
    EXPECT_TRUE(conversation->outstanding());
    backend(pkt(at(more + 4), end()));
    EXPECT_TRUE(told() == pkt(at(1), "\x01") + pkt(at(2), "column") + pkt(at(3), eof()) +
                              pkt(at(4), row) + pkt(at(more + 5), eof()))
        << size;
    EXPECT_FALSE(held()) << size;
  }
}

TEST_P(MysqlLargePackets, AreRefusedBeyondTheBound) {
  defaults->max_message = 1000;
  start();
  client(query(std::string(2000, 'x')));
  EXPECT_EQ(told().substr(4, 3), "\xff\x81\x04");  // 1153
  EXPECT_EQ(need, Need::close);
}

TEST_P(MysqlConversationTest, CutsABackendThatAsksForAFileUnasked) {
  start();
  client(query("SELECT 1"));
  settle();
  backend(pkt(1, "\xfb/etc/passwd"));
  EXPECT_EQ(told().find("passwd"), std::string::npos);
  EXPECT_EQ(need, Need::close);
  EXPECT_EQ(conversation->detach(), Cleanup::close);
}

TEST_P(MysqlConversationTest, GarbageFromABackendIsNotPassedOn) {
  for (const std::string& garbage :
       {pkt(1, ""), pkt(1, "\x00"s), pkt(1, "\xff"), pkt(1, "\xfc\x01"), pkt(1, "\xfe\x01\x02"),
        pkt(1, ok() + "trailing bytes")}) {
    make_links(kModern);
    start();
    pending.clear();
    client(query("SELECT 1"));
    settle();
    told();
    backend(garbage);
    EXPECT_EQ(told().substr(4, 3), "\xff\xeb\x07") << ::testing::PrintToString(garbage);  // 2027
    EXPECT_EQ(need, Need::close);
    if (held()) {
      conversation->detach();
      attached = nullptr;
    }
  }
}

}  // namespace
}  // namespace sluice::protocol::mysql
