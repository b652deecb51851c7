#include "protocol/mysql/console.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "protocol/cursor.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/result_writer.hpp"
#include "protocol/sql/split.hpp"

namespace sluice::protocol::mysql {
namespace {

const sql::ScannerOptions kSyntax{.mysql = true, .backslash_escapes = true};

}  // namespace

MysqlConsole::MysqlConsole(const ClientLogin& login, ConsoleIdentity identity)
    : ConsoleConversation(std::move(identity)),
      capabilities_(login.capabilities),
      welcome_sequence_(login.sequence),
      user_(login.user),
      database_(login.database) {}

void MysqlConsole::welcome(const Parameters& /*reported*/, const CancelRequest& /*key*/,
                           Outbox& to_client) {
  Ok ok;
  ok.status = status_flag::kAutocommit;
  to_client.own(packet(welcome_sequence_, encode_ok(ok, capabilities_)));
}

void MysqlConsole::farewell(const Failure& failure, Outbox& to_client) {
  to_client.own(packet(0, encode_err(failure)));
}

std::uint16_t MysqlConsole::status() const {
  return static_cast<std::uint16_t>(status_flag::kAutocommit |
                                    (statements_.empty() ? 0 : status_flag::kMoreResults));
}

// One packet, taken from `in` or from what is held of it.
ConsoleConversation::Step MysqlConsole::read(Bytes& in, Exchange& out) {
  const auto fill = [&](std::size_t size) {
    const std::size_t count = std::min(in.size(), size - std::min(size, held_.size()));
    held_.insert(held_.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(count));
    in = in.subspan(count);
    return held_.size() >= size;
  };
  if (!fill(kHeaderSize)) {
    return Need::input;
  }
  const PacketHeader header = *read_header(held_);
  next_ = static_cast<std::uint8_t>(header.sequence + 1);
  if (header.sequence != 0 || header.length == 0 || header.length > kMaxConsoleMessage) {
    const bool large = header.sequence == 0 && header.length != 0;
    large ? error(1153, "08S01", "the packet is larger than the console takes", out)
          : error(header.length == 0 ? 1835 : 1156, "08S01", "Got packets out of order", out);
    return Need::close;
  }
  if (!fill(kHeaderSize + header.length)) {
    return Need::input;
  }
  const Buffer whole = std::exchange(held_, {});
  return command(Bytes(whole).subspan(kHeaderSize), out);
}

ConsoleConversation::Step MysqlConsole::command(Bytes payload, Exchange& out) {
  Cursor cursor(payload);
  const auto code = static_cast<Command>(cursor.u8());
  switch (code) {
    case Command::quit:
      return Need::close;
    case Command::query:
      return query(as_text(cursor.take_rest()), out);
    case Command::init_db:
      use(as_text(cursor.take_rest()), out);
      return std::nullopt;
    case Command::ping:
    case Command::reset_connection:
      ok(out);
      return std::nullopt;
    case Command::field_list:
    case Command::set_option:
      end_of_list(out);
      return std::nullopt;
    case Command::change_user:
      special_.emplace();
      special_->kind = Special::Kind::change_user;
      special_->packet.assign(payload.begin(), payload.end());
      return wait();
    case Command::process_kill:
      return kill(cursor.le32(), false, out);
    case Command::stmt_close:
    case Command::stmt_send_long_data:
      return std::nullopt;  // neither has an answer
    case Command::stmt_prepare:
      error(1295, "HY000",
            "the console has no prepared statements on the server: send the command as text "
            "(COM_QUERY)",
            out);
      return std::nullopt;
    case Command::stmt_execute:
    case Command::stmt_reset:
    case Command::stmt_fetch:
      error(1243, "HY000", "Unknown prepared statement handler given to the console", out);
      return std::nullopt;
    default:
      error(1047, "08S01", "the console does not know this command of the protocol", out);
      return std::nullopt;
  }
}

// Only a client that said so may send several statements.
ConsoleConversation::Step MysqlConsole::query(std::string_view text, Exchange& out) {
  statements_ = sql::split_statements(text, kSyntax);
  if (statements_.empty()) {
    error(1065, "42000", "Query was empty", out);
  } else if (statements_.size() > 1 && (capabilities_ & capability::kMultiStatements) == 0) {
    statements_.clear();
    error(1064, "42000", "one command at a time: this client has not asked for several", out);
  }
  std::reverse(statements_.begin(), statements_.end());
  return std::nullopt;
}

ConsoleConversation::Step MysqlConsole::run(std::string text, Exchange& out) {
  if (auto own = own_answer(text, out)) {
    return *own;
  }
  return ask({std::move(text), false});
}

void MysqlConsole::answered(const Result<Table>& outcome, Exchange& out) {
  Buffer bytes;
  if (!outcome) {
    statements_.clear();
    Failure failure = outcome.failure();
    if (failure.sqlstate_override == "42601") {
      failure.sqlstate_override = "42000";  // what MySQL calls it
    }
    append_packet(bytes, next_, encode_err(failure));
  } else {
    append_result(bytes, next_, outcome.value(), {capabilities_, status()});
  }
  out.to_client.own(bytes);
}

void MysqlConsole::end_of_list(Exchange& out) {
  Buffer bytes;
  append_end(bytes, next_, {capabilities_, status()});
  out.to_client.own(bytes);
}

void MysqlConsole::error(std::uint16_t number, std::string_view sqlstate, std::string text,
                         Exchange& out) {
  Failure failure = bad_command(std::move(text));
  failure.mysql_errno_override = number;
  failure.sqlstate_override = sqlstate;
  answered(failure, out);
}

void MysqlConsole::use(std::string_view database, Exchange& out) {
  if (!is_console(database)) {
    error(1049, "42000", "this connection is on the console; connect again to use a database", out);
    return;
  }
  database_ = database;
  ok(out);
}

ConsoleConversation::Step MysqlConsole::kill(std::uint64_t id, bool query_only, Exchange& out) {
  if (id > std::numeric_limits<std::uint32_t>::max()) {
    error(1094, "HY000", "Unknown thread id", out);
    return std::nullopt;
  }
  special_.emplace();
  special_->kind = Special::Kind::kill;
  special_->connection_id = static_cast<std::uint32_t>(id);
  special_->query_only = query_only;
  return wait();
}

std::optional<Conversation::Special> MysqlConsole::take_special() {
  return std::exchange(special_, std::nullopt);
}

void MysqlConsole::complete_special(const Status& outcome, Exchange& out) {
  completed();
  answered(outcome ? Result<Table>(Table{}) : Result<Table>(outcome.failure()), out);
}

}  // namespace sluice::protocol::mysql
