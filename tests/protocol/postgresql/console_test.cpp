// Clients on the console: simple and extended queries, in chunks of any size.

#include "protocol/postgresql/console.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/dialect.hpp"
#include "protocol/postgresql/messages.hpp"
#include "protocol/writer.hpp"
#include "tests/support/console_talk.hpp"

namespace sluice::protocol::postgresql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string text(const Buffer& bytes) {
  return std::string(as_text(bytes));
}

std::string message(char type, const std::string& body) {
  Buffer out;
  put_message(out, type, as_bytes(body));
  return text(out);
}

std::string z(std::string_view words) {
  return std::string(words) + '\0';
}

std::string be16(unsigned number) {
  Buffer out;
  Writer(out).be16(static_cast<std::uint16_t>(number));
  return text(out);
}

std::string query(std::string_view sql) {
  return message('Q', z(sql));
}
std::string parse(std::string_view name, std::string_view sql) {
  return message('P', z(name) + z(sql) + be16(0));
}
std::string bind_to(std::string_view portal, std::string_view statement,
                    const std::string& formats = be16(0)) {
  return message('B', z(portal) + z(statement) + be16(0) + be16(0) + formats);
}
std::string execute(std::string_view portal, char rows = 0) {
  return message('E', z(portal) + std::string("\0\0\0", 3) + rows);
}
std::string describe(char kind, std::string_view name) {
  return message('D', kind + z(name));
}
const std::string kSync = message('S', "");

// The types of the messages, in order: "TDDCZ".
std::string types(const std::string& bytes) {
  std::string all;
  Bytes rest = as_bytes(bytes);
  Header header;
  while (parse_header(rest, header) == HeaderState::ready) {
    all += header.type;
    rest = rest.subspan(header.frame());
  }
  return all;
}

class PgConsole : public testing::TestWithParam<std::size_t> {
 protected:
  PgConsole() {
    ClientLogin login;
    login.user = "ops";
    login.database = "sluice";
    talk.conversation = dialect(Protocol::postgresql)
                            .make_console(login, {"1.26.1/sluice", "", 7, {"sluice", "pgbouncer"}});
  }
  std::string client(const std::string& bytes) { return talk.client(bytes, GetParam()); }

  test::ConsoleTalk talk;
};
INSTANTIATE_TEST_SUITE_P(Chunks, PgConsole, testing::Values(0, 1, 7));

TEST_P(PgConsole, is_welcomed_with_a_version_that_exporters_read) {
  Outbox out;
  talk.conversation->welcome({}, {7, Buffer(4)}, out);
  const std::string sent(as_text(out.piece(0)));
  EXPECT_THAT(sent, HasSubstr(z("server_version") + z("1.26.1/sluice")));
  EXPECT_THAT(sent, HasSubstr(z("client_encoding") + z("UTF8")));
  EXPECT_EQ(types(sent).substr(types(sent).size() - 2), "KZ");
}

TEST_P(PgConsole, answers_a_simple_query) {
  const std::string sent = client(query("SHOW POOLS;"));
  EXPECT_EQ(types(sent), "TDDCZ");
  EXPECT_THAT(sent, HasSubstr(z("SHOW")));
  EXPECT_THAT(talk.commands, ElementsAre("SHOW POOLS"));
  EXPECT_TRUE(talk.conversation->at_rest());
}

TEST_P(PgConsole, several_statements_end_at_the_first_error) {
  EXPECT_EQ(types(client(query("SHOW POOLS; PAUSE; SHOW POOLS"))), "TDDCCTDDCZ");
  EXPECT_EQ(types(client(query("PAUSE; nonsense; SHOW POOLS"))), "CEZ");
  EXPECT_EQ(talk.commands.size(), 5U);
}

TEST_P(PgConsole, an_empty_query_has_an_answer) {
  EXPECT_EQ(types(client(query(""))), "IZ");
  EXPECT_EQ(types(client(query(" ;; -- no"))), "IZ");
}

TEST_P(PgConsole, a_failed_command_leaves_the_session_in_order) {
  const std::string sent = client(query("nonsense"));
  EXPECT_EQ(types(sent), "EZ");
  EXPECT_THAT(sent, HasSubstr("42601"));
  EXPECT_EQ(types(client(query("PAUSE"))), "CZ");
}

TEST_P(PgConsole, notes_are_notices) {
  talk.run = [](const ConsoleCommand&) {
    Table table;
    table.tag = "RELOAD";
    table.notes = {"changed: io"};
    return Result<Table>(table);
  };
  const std::string sent = client(query("RELOAD"));
  EXPECT_EQ(types(sent), "NCZ");
  EXPECT_THAT(sent, HasSubstr("changed: io"));
}

TEST_P(PgConsole, speaks_the_extended_protocol) {
  const std::string sent =
      client(parse("", "SHOW POOLS") + bind_to("", "") + describe('P', "") + execute("") + kSync);
  EXPECT_EQ(types(sent), "12TDDCZ");
  EXPECT_THAT(talk.commands, ElementsAre("?SHOW POOLS", "SHOW POOLS"));
}

TEST_P(PgConsole, a_statement_is_described_without_being_carried_out) {
  EXPECT_EQ(types(client(parse("s", "PAUSE") + describe('S', "s") + kSync)), "1tnZ");
  EXPECT_THAT(talk.commands, ElementsAre("?PAUSE"));
  EXPECT_EQ(types(client(bind_to("", "s") + execute("") + kSync)), "2CZ");
  EXPECT_EQ(types(client(bind_to("", "s") + execute("") + kSync)), "2CZ");
}

TEST_P(PgConsole, binary_results) {
  const std::string sent = client(parse("", "SHOW POOLS") + bind_to("", "", be16(1) + be16(1)) +
                                  describe('P', "") + execute("") + kSync);
  EXPECT_EQ(types(sent), "12TDDCZ");
  EXPECT_THAT(sent, HasSubstr(std::string("\0\0\0\4pets\0\0\0\4\0\0\0\7", 16)));
}

TEST_P(PgConsole, a_portal_is_read_bit_by_bit) {
  EXPECT_EQ(types(client(parse("", "SHOW POOLS") + bind_to("", "") + execute("", 1) +
                         execute("", 1) + kSync)),
            "12DsDCZ");
  EXPECT_EQ(talk.commands.size(), 1U);
}

TEST_P(PgConsole, a_portal_that_was_read_has_no_rows_left) {
  EXPECT_EQ(
      types(client(parse("", "SHOW POOLS") + bind_to("", "") + execute("") + execute("") + kSync)),
      "12DDCCZ");
  EXPECT_EQ(talk.commands.size(), 1U);
}

TEST_P(PgConsole, what_it_keeps_for_a_client_is_bounded) {
  const std::string sent = client(parse("", "PAUSE -- " + std::string(20000, 'x')) + kSync);
  EXPECT_EQ(types(sent), "EZ");
  EXPECT_THAT(sent, HasSubstr("54000"));
  std::string bytes = parse("", "PAUSE");
  for (int i = 0; i < 16; ++i) {
    bytes += bind_to(std::to_string(i), "");
  }
  EXPECT_EQ(types(client(bytes)), "1" + std::string(16, '2'));
  EXPECT_EQ(types(client(bind_to("one more", "") + kSync)), "EZ");
  EXPECT_EQ(types(client(bind_to("", "") + kSync)), "2Z") << "a Sync has closed them";
}

TEST_P(PgConsole, an_error_lasts_until_sync) {
  const std::string sent =
      client(parse("", "nonsense") + bind_to("", "") + execute("") + execute("") + kSync);
  EXPECT_EQ(types(sent), "12EZ");
  EXPECT_EQ(types(client(query("PAUSE"))), "CZ");
}

// As drivers do to find out whether a connection lives.
TEST_P(PgConsole, an_empty_statement_is_described_and_run) {
  EXPECT_EQ(
      types(client(parse("", "") + bind_to("", "") + describe('P', "") + execute("") + kSync)),
      "12nIZ");
  EXPECT_EQ(types(client(parse("s", "; -- no") + describe('S', "s") + kSync)), "1tnZ");
  EXPECT_THAT(talk.commands, IsEmpty());
}

TEST_P(PgConsole, a_simple_query_ends_a_batch_and_is_skipped_with_one_that_failed) {
  EXPECT_EQ(types(client(parse("", "PAUSE") + query("nonsense"))), "1EZ");
  EXPECT_EQ(types(client(bind_to("", "") + execute("") + kSync)), "2CZ");
  EXPECT_EQ(types(client(execute("none") + query("PAUSE") + message('F', "") + kSync)), "EZ");
  EXPECT_EQ(types(client(query("PAUSE"))), "CZ");
}

TEST_P(PgConsole, names_that_there_are_not) {
  EXPECT_EQ(types(client(bind_to("", "none") + kSync)), "EZ");
  EXPECT_EQ(types(client(execute("none") + kSync)), "EZ");
  EXPECT_EQ(types(client(describe('S', "none") + kSync)), "EZ");
  EXPECT_EQ(types(client(describe('P', "none") + kSync)), "EZ");
  EXPECT_EQ(types(client(parse("s", "PAUSE") + parse("s", "PAUSE") + kSync)), "1EZ");
  EXPECT_EQ(types(client(message('C', "S" + z("s")) + parse("s", "PAUSE") + kSync)), "31Z");
}

TEST_P(PgConsole, parameters_are_refused) {
  const std::string sent =
      client(message('P', z("") + z("KILL_CLIENT $1") + be16(1) + std::string(4, '\0')) + kSync);
  EXPECT_EQ(types(sent), "EZ");
  EXPECT_THAT(sent, HasSubstr("0A000"));
}

TEST_P(PgConsole, what_drivers_say_by_themselves) {
  EXPECT_EQ(client(query("BEGIN")).back(), 'T');
  EXPECT_EQ(client(query("COMMIT")).back(), 'I');
  EXPECT_EQ(types(client(query("SET extra_float_digits = 3"))), "CZ");
  EXPECT_EQ(types(client(query("SET DateStyle TO 'ISO'; SET SESSION TIME ZONE 'UTC'"))), "CCZ");
  EXPECT_EQ(types(client(query("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))), "CZ");
  EXPECT_EQ(types(client(query("SHOW TRANSACTION ISOLATION LEVEL"))), "TDCZ");
  EXPECT_THAT(client(query("SHOW server_version")), HasSubstr("1.26.1/sluice"));
  EXPECT_EQ(types(client(query("SELECT 1"))), "TDCZ");
  EXPECT_THAT(client(query("SELECT current_user, current_database()")), HasSubstr("ops"));
  EXPECT_EQ(types(client(query("DISCARD ALL"))), "CZ");
  EXPECT_THAT(talk.commands, IsEmpty());
  client(query("SET log_level = 'debug'"));
  client(query("SELECT * FROM pg_class"));
  EXPECT_EQ(talk.commands.size(), 2U);
}

TEST_P(PgConsole, to_describe_begin_begins_nothing) {
  EXPECT_EQ(client(parse("", "BEGIN") + describe('S', "") + kSync).back(), 'I');
  EXPECT_EQ(client(bind_to("", "") + execute("") + kSync).back(), 'T');
}

TEST_P(PgConsole, what_is_no_message_ends_the_session) {
  EXPECT_THAT(client(message('d', "x")), HasSubstr("FATAL"));
  EXPECT_EQ(talk.need, Need::close);
}

TEST_P(PgConsole, a_large_message_ends_the_session) {
  Buffer head;
  Writer(head).u8('Q').be32(0x7FFFFFFF);
  EXPECT_THAT(client(text(head)), HasSubstr("54000"));
  EXPECT_EQ(talk.need, Need::close);
}

TEST_P(PgConsole, malformed_messages_end_the_session) {
  for (const std::string& bytes : {message('Q', "no end"), message('P', "x"), message('B', z("")),
                                   message('D', "X"), message('E', z("")), message('C', "")}) {
    PgConsole::talk.need = Need::input;
    ClientLogin login;
    talk.conversation = std::make_unique<PostgresqlConsole>(login, ConsoleIdentity{});
    EXPECT_THAT(client(bytes), HasSubstr("08P01")) << types(bytes);
    EXPECT_EQ(talk.need, Need::close);
  }
}

TEST_P(PgConsole, says_goodbye) {
  EXPECT_EQ(client(message('X', "")), "");
  EXPECT_EQ(talk.need, Need::close);
}

TEST(PgNumeric, binary) {
  Table table = make_table("n:n");
  table.rows.push_back({std::int64_t{-123456789}});
  Buffer out;
  put_data_row(out, table, table.rows.front(), {Format::binary});
  // Three groups, weight 2, negative, no fraction: 1 2345 6789.
  EXPECT_EQ(text(out).substr(7),
            std::string("\0\0\0\16\0\3\0\2\x40\0\0\0\0\1\x09\x29\x1a\x85", 18));
}

}  // namespace
}  // namespace sluice::protocol::postgresql
