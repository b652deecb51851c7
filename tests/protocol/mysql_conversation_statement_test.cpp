#include "tests/protocol/mysql_conversation_fixture.hpp"

namespace sluice::protocol::mysql {
namespace {

using namespace std::string_literals;

std::string prepared(std::uint32_t id, std::uint16_t params) {
  std::string reply = pkt(1, "\0"s + le32(id) + "\1\0"s + static_cast<char>(params) + "\0\0\0\0"s);
  std::uint8_t sequence = 1;
  for (std::uint16_t i = 0; i < params; ++i) {
    reply += pkt(++sequence, "param");
  }
  return reply + pkt(++sequence, "column");
}

std::string execute(std::uint32_t id, std::string_view params, std::uint8_t flags = 0) {
  return pkt(0, com(Command::stmt_execute,
                    le32(id) + static_cast<char>(flags) + "\1\0\0\0"s + std::string(params)));
}

std::string with_id(Command command, std::uint32_t id, std::string_view rest = {}) {
  return pkt(0, com(command, le32(id) + std::string(rest)));
}

const std::string kBound = "\0\1\x08\0VALUE"s;  // no NULLs, types follow: one LONGLONG
const std::string kUnbound = "\0\0VALUE"s;

class MysqlStatements : public MysqlConversationTest {
 protected:
  // Prepares on whatever backend comes; the server calls it `id`.
  void prepare(std::string_view sql, std::uint32_t id, std::uint16_t params = 1) {
    client(pkt(0, com(Command::stmt_prepare, sql)));
    settle();
    sent();
    backend(prepared(id, params));
  }
  // Acknowledges settings until something else is sent.
  std::string sent_after_setup() {
    while (attached != nullptr && attached->busy() &&
           (attached->purpose() == Purpose::settings || attached->purpose() == Purpose::trackers)) {
      sent();
      backend(pkt(1, ok()));
    }
    return sent();
  }
};
INSTANTIATE_TEST_SUITE_P(Chunks, MysqlStatements, ::testing::Bool(), chunk_name);

TEST_P(MysqlStatements, IdsAreTheClientsOwn) {
  start();
  prepare("SELECT ?", 40);
  EXPECT_EQ(told(), prepared(1, 1));
  EXPECT_FALSE(held());
  client(execute(1, kBound));
  EXPECT_EQ(sent(), execute(40, kBound));
  backend(result("1"));
  EXPECT_EQ(told(), result("1"));
  EXPECT_EQ(facts.prepared_hits, 1U);
}

TEST_P(MysqlStatements, AnOldClientGetsItsEofPackets) {
  start(kOld);
  prepare("SELECT ?", 40);
  EXPECT_EQ(told(), pkt(1, "\0"s + le32(1) + "\1\0\1\0\0\0\0"s) + pkt(2, "param") + pkt(3, eof()) +
                        pkt(4, "column") + pkt(5, eof()));
}

TEST_P(MysqlStatements, ArePreparedOnTheBackendThatRunsThem) {
  start();
  prepare("SELECT ?", 40);
  client(execute(1, kBound));
  backend(result("1"));
  told();
  next = 1;
  client(execute(1, kUnbound));
  EXPECT_EQ(sent_after_setup(), pkt(0, com(Command::stmt_prepare, "SELECT ?")));
  backend(prepared(90, 1));
  EXPECT_EQ(sent(), execute(90, kBound)) << "with the types of the EXECUTE before";
  backend(result("2"));
  EXPECT_EQ(told(), result("2"));
  EXPECT_EQ(facts.prepared_misses, 1U);
  client(execute(1, kUnbound));
  EXPECT_EQ(sent(), execute(90, kUnbound));
  backend(result("3"));
}

TEST_P(MysqlStatements, AFailingPreparationIsTheAnswer) {
  start();
  prepare("SELECT * FROM t", 40, 0);
  told();
  next = 1;
  client(execute(1, ""));
  sent_after_setup();
  backend(pkt(1, err(1146)));
  EXPECT_EQ(told(), pkt(1, err(1146)));
  EXPECT_FALSE(held());
}

TEST_P(MysqlStatements, UnknownIdsAreAnsweredHere) {
  start();
  client(execute(9, ""));
  EXPECT_EQ(told().substr(4, 3), "\xff\xdb\x04");  // 1243
  client(with_id(Command::stmt_fetch, 9, le32(1)) + with_id(Command::stmt_reset, 9));
  EXPECT_EQ(told().substr(4, 3), "\xff\xdb\x04");
  client(with_id(Command::stmt_close, 9) + with_id(Command::stmt_send_long_data, 9, "\0\0x"s));
  EXPECT_EQ(told(), "");
  EXPECT_EQ(attachments, 0);
}

TEST_P(MysqlStatements, CloseHasNoReplyAndTheBackendKeepsTheText) {
  start();
  prepare("SELECT ?", 40);
  told();
  client(with_id(Command::stmt_close, 1) + execute(1, kBound));
  EXPECT_EQ(told().substr(4, 3), "\xff\xdb\x04");
  EXPECT_EQ(sent(), "");
  EXPECT_EQ(links[0]->statements().size(), 1U);
}

TEST_P(MysqlStatements, TheOldestGoesWhenThereAreTooMany) {
  defaults->max_prepared_statements = 2;
  start();
  prepare("SELECT 1", 41, 0);
  prepare("SELECT 2", 42, 0);
  prepare("SELECT 3", 43, 0);
  EXPECT_EQ(sent(), with_id(Command::stmt_close, 41));
  prepare("SELECT 3", 44, 0);
  EXPECT_EQ(sent(), with_id(Command::stmt_close, 43)) << "the same text is kept once";
}

TEST_P(MysqlStatements, ACursorPinsUntilItsLastRow) {
  start();
  prepare("SELECT 1", 40, 0);
  told();
  constexpr std::uint16_t kCursor = kAuto | status_flag::kCursorExists;
  client(execute(1, "", 1));
  backend(pkt(1, "\x01") + pkt(2, "column") + pkt(3, end(kCursor)));
  EXPECT_TRUE(conversation->pins().has(Pin::cursor));
  EXPECT_TRUE(held());
  sent();
  client(with_id(Command::stmt_fetch, 1, le32(10)));
  EXPECT_EQ(sent(), with_id(Command::stmt_fetch, 40, le32(10)));
  backend(pkt(1, "\0\0x"s) + pkt(2, end(kCursor)));
  EXPECT_TRUE(held());
  client(with_id(Command::stmt_fetch, 1, le32(10)));
  backend(pkt(1, end(kCursor | status_flag::kLastRowSent)));
  EXPECT_FALSE(held());
  told();
  client(with_id(Command::stmt_fetch, 1, le32(10)));
  EXPECT_EQ(told().substr(4, 3), "\xff\x8d\x05");  // 1421
}

TEST_P(MysqlStatements, AnOldClientGetsOneEofForACursor) {
  start(kOld);
  prepare("SELECT 1", 40, 0);
  told();
  constexpr std::uint16_t kCursor = kAuto | status_flag::kCursorExists;
  client(execute(1, "", 1));
  backend(pkt(1, "\x01") + pkt(2, "column") + pkt(3, end(kCursor)));
  EXPECT_EQ(told(), pkt(1, "\x01") + pkt(2, "column") + pkt(3, eof(kCursor)));
}

TEST_P(MysqlStatements, LongDataPinsUntilTheExecute) {
  start();
  prepare("SELECT ?", 40);
  told();
  client(with_id(Command::stmt_send_long_data, 1, "\0\0abc"s));
  EXPECT_EQ(sent(), with_id(Command::stmt_send_long_data, 40, "\0\0abc"s));
  EXPECT_TRUE(conversation->pins().has(Pin::long_data));
  EXPECT_FALSE(conversation->outstanding()) << "it has no reply";
  client(execute(1, kBound));
  backend(result("3"));
  EXPECT_FALSE(held());
}

TEST_P(MysqlStatements, MalformedExecutesAreRefused) {
  start();
  prepare("SELECT ?", 40);
  told();
  sent();
  client(execute(1, ""));
  settle();
  EXPECT_EQ(told().substr(4, 3), "\xff\x2b\x07");  // 1835
  EXPECT_EQ(sent(), "");
}

TEST_P(MysqlStatements, TheirTextsPinAsQueriesDo) {
  start();
  prepare("SELECT @a := ?", 40);
  EXPECT_FALSE(held()) << "preparing runs nothing";
  client(execute(1, kBound));
  backend(result("1"));
  EXPECT_TRUE(conversation->pins().has(Pin::user_variable));
}

}  // namespace
}  // namespace sluice::protocol::mysql
