// MySQL clients on the console, in chunks of any size.

#include "protocol/mysql/console.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/dialect.hpp"
#include "protocol/writer.hpp"
#include "tests/support/console_talk.hpp"

namespace sluice::protocol::mysql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string request(Command command, std::string_view rest = {}) {
  Buffer payload{static_cast<std::uint8_t>(command)};
  Writer(payload).text(rest);
  return std::string(as_text(packet(0, payload)));
}
std::string query(std::string_view sql) {
  return request(Command::query, sql);
}

// The payloads of the packets, whose numbers must run on from 1.
std::vector<std::string> payloads(const std::string& bytes) {
  std::vector<std::string> all;
  Bytes rest = as_bytes(bytes);
  while (!rest.empty()) {
    const auto header = read_header(rest);
    EXPECT_EQ(header->sequence, all.size() + 1);
    all.emplace_back(as_text(rest.subspan(kHeaderSize, header->length)));
    rest = rest.subspan(kHeaderSize + header->length);
  }
  return all;
}

class MyConsole : public testing::TestWithParam<std::size_t> {
 protected:
  MyConsole() { begin(capability::kOffered); }

  void begin(std::uint32_t capabilities) {
    ClientLogin login;
    login.user = "ops";
    login.database = "sluice";
    login.capabilities = capabilities;
    talk.conversation =
        dialect(Protocol::mysql)
            .make_console(login, {"1.26.1/sluice", "10.11.6-MariaDB", 7, {"sluice", "pgbouncer"}});
    talk.need = Need::input;
  }
  std::string client(const std::string& bytes) { return talk.client(bytes, GetParam()); }
  bool is_ok(const std::string& sent) { return payloads(sent).at(0)[0] == '\0'; }

  test::ConsoleTalk talk;
};
INSTANTIATE_TEST_SUITE_P(Chunks, MyConsole, testing::Values(0, 1, 7));

TEST_P(MyConsole, answers_a_query) {
  const auto sent = payloads(client(query("SHOW POOLS")));
  ASSERT_EQ(sent.size(), 6U);  // count, two columns, two rows, the end
  EXPECT_EQ(sent[0], "\2");
  EXPECT_THAT(sent[1], HasSubstr("name"));
  EXPECT_EQ(sent[3], "\4pets\0017");
  EXPECT_EQ(sent[4], "\xFB\2-1");
  EXPECT_EQ(sent[5][0], '\xFE');
  EXPECT_THAT(talk.commands, ElementsAre("SHOW POOLS"));
}

TEST_P(MyConsole, older_clients_have_two_ends) {
  begin(capability::kOffered & ~capability::kDeprecateEof);
  const auto sent = payloads(client(query("SHOW POOLS")));
  ASSERT_EQ(sent.size(), 7U);
  EXPECT_EQ(sent[3].size(), 5U);
  EXPECT_EQ(sent[6].size(), 5U);
}

TEST_P(MyConsole, verbs_are_ok_and_notes_are_its_text) {
  EXPECT_TRUE(is_ok(client(query("PAUSE"))));
  talk.run = [](const ConsoleCommand&) {
    Table table;
    table.notes = {"changed: io", "needs a restart: io"};
    return Result<Table>(table);
  };
  EXPECT_THAT(client(query("RELOAD")), HasSubstr("changed: io; needs a restart: io"));
}

TEST_P(MyConsole, a_failed_command_is_an_error) {
  const std::string sent = client(query("nonsense"));
  EXPECT_EQ(payloads(sent).at(0).substr(0, 9), "\xFF\x28\x04#42000");
  EXPECT_TRUE(is_ok(client(query("PAUSE"))));
}

TEST_P(MyConsole, several_statements_where_the_client_may) {
  const std::string sent = client(query("PAUSE; nonsense; SHOW POOLS"));
  EXPECT_EQ(talk.commands.size(), 2U);
  begin(capability::kOffered & ~capability::kMultiStatements);
  EXPECT_THAT(client(query("PAUSE; PAUSE")), HasSubstr("one command at a time"));
  EXPECT_EQ(talk.commands.size(), 2U);
}

TEST_P(MyConsole, commands_of_the_protocol) {
  EXPECT_TRUE(is_ok(client(request(Command::ping))));
  EXPECT_TRUE(is_ok(client(request(Command::reset_connection))));
  EXPECT_TRUE(is_ok(client(request(Command::init_db, "pgbouncer"))));
  EXPECT_THAT(client(request(Command::init_db, "pets")), HasSubstr("connect again"));
  EXPECT_EQ(payloads(client(request(Command::field_list, "t"))).at(0)[0], '\xFE');
  EXPECT_THAT(client(request(Command::stmt_prepare, "SHOW POOLS")), HasSubstr("COM_QUERY"));
  EXPECT_EQ(client(request(Command::stmt_close, "\1\0\0\0")), "");
  EXPECT_THAT(client(request(Command::binlog_dump)), HasSubstr("does not know"));
  EXPECT_THAT(client(query("")), HasSubstr("Query was empty"));
  EXPECT_THAT(talk.commands, IsEmpty());
  EXPECT_EQ(client(request(Command::quit)), "");
  EXPECT_EQ(talk.need, Need::close);
}

TEST_P(MyConsole, what_clients_say_by_themselves) {
  for (const char* sql : {"SET NAMES utf8mb4", "SET AUTOCOMMIT = 0",
                          "set @@session.autocommit = OFF", "SET SESSION TRANSACTION READ ONLY",
                          "SET @x = 1", "BEGIN", "COMMIT", "ROLLBACK", "USE sluice"}) {
    EXPECT_TRUE(is_ok(client(query(sql)))) << sql;
  }
  EXPECT_THAT(client(query("select @@version_comment limit 1")), HasSubstr("console of sluice"));
  EXPECT_THAT(client(query("SELECT @@SESSION.autocommit AS a, @@max_allowed_packet")),
              HasSubstr("1048576"));
  EXPECT_THAT(client(query("SELECT VERSION()")), HasSubstr("10.11.6-MariaDB"));
  EXPECT_THAT(client(query("SELECT DATABASE()")), HasSubstr("sluice"));
  EXPECT_THAT(client(query("SHOW WARNINGS")), HasSubstr("Message"));
  EXPECT_THAT(client(query("SHOW VARIABLES LIKE 'time_zone'")), HasSubstr("SYSTEM"));
  EXPECT_THAT(client(query("show tables")), HasSubstr("Tables_in_sluice"));
  EXPECT_THAT(talk.commands, IsEmpty());
  client(query("SET log_level = 'debug'"));
  client(query("SELECT * FROM t"));
  EXPECT_EQ(talk.commands.size(), 2U);
}

// The console says no to what it does not understand; it must not say yes.
TEST_P(MyConsole, the_consoles_own_setting_is_no_variable) {
  for (const char* sql : {"SET GLOBAL log_level = 'debug'", "SET SESSION log_level = 'debug'",
                          "SET @@log_level = 'debug'", "SET @@global.log_level = 'debug'"}) {
    EXPECT_FALSE(is_ok(client(query(sql)))) << sql;
  }
  EXPECT_EQ(talk.commands.size(), 4U);
}

TEST_P(MyConsole, kills_are_for_the_session) {
  EXPECT_TRUE(is_ok(client(query("KILL QUERY 2147483650"))));
  ASSERT_EQ(talk.specials.size(), 1U);
  EXPECT_EQ(talk.specials[0].connection_id, 2147483650U);
  EXPECT_TRUE(talk.specials[0].query_only);
  talk.special_outcome = fail(FailureKind::internal, "no such thread");
  EXPECT_THAT(client(query("KILL 5")), HasSubstr("no such thread"));
  client(query("KILL pets"));
  EXPECT_THAT(talk.commands, ElementsAre("KILL pets"));
}

TEST_P(MyConsole, packets_out_of_order_end_the_session) {
  std::string bytes = query("SHOW POOLS");
  bytes[3] = 5;
  EXPECT_THAT(client(bytes), HasSubstr("out of order"));
  EXPECT_EQ(talk.need, Need::close);
}

TEST_P(MyConsole, a_large_packet_ends_the_session) {
  Buffer head;
  append_header(head, {kMaxPayload, 0});
  EXPECT_THAT(client(std::string(as_text(head))), HasSubstr("larger"));
  EXPECT_EQ(talk.need, Need::close);
}

}  // namespace
}  // namespace sluice::protocol::mysql
