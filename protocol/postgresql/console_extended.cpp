// The extended protocol of the console. A statement is not looked at before it is described or run:
// an unknown command fails there.

#include <utility>

#include "protocol/cursor.hpp"
#include "protocol/postgresql/console.hpp"
#include "protocol/postgresql/messages.hpp"
#include "protocol/sql/split.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::postgresql {
namespace {

Failure error(std::string_view sqlstate, std::string text) {
  Failure failure = bad_command(std::move(text));
  failure.sqlstate_override = sqlstate;
  return failure;
}

Failure malformed(std::string_view message) {
  return protocol::fail(FailureKind::protocol_violation,
                        "malformed " + std::string(message) + " message");
}

Failure no_statement(std::string_view name) {
  return error("26000", "prepared statement " + quoted(name) + " does not exist");
}

Failure no_portal(std::string_view name) {
  return error("34000", "portal " + quoted(name) + " does not exist");
}

Failure no_parameters() {
  return protocol::fail(FailureKind::unsupported_feature,
                        "commands of the console have no parameters: write the value into the "
                        "command");
}

Failure too_many(std::string_view what) {
  return protocol::fail(FailureKind::message_too_large,
                        "too many " + std::string(what) + " on the console: close some");
}

// 'S' or 'P', and a name.
struct Target {
  char kind = 0;
  std::string_view name;
};

std::optional<Target> parse_target(Bytes body) {
  Cursor cursor(body);
  Target target;
  target.kind = static_cast<char>(cursor.u8());
  target.name = cursor.cstring();
  const bool known = target.kind == 'S' || target.kind == 'P';
  return cursor.finished() && known ? std::optional(target) : std::nullopt;
}

}  // namespace

ConsoleConversation::Step PostgresqlConsole::extended(char type, Bytes body, Exchange& out) {
  switch (type) {
    case frontend::kParse:
      return parse(body, out);
    case frontend::kBind:
      return bind(body, out);
    case frontend::kDescribe:
      return describe(body, out);
    case frontend::kExecute:
      return execute(body, out);
    default:
      return close(body, out);
  }
}

// A message without a body.
ConsoleConversation::Step PostgresqlConsole::reply(char type, Exchange& out) {
  Buffer bytes;
  put_message(bytes, type);
  put(out, bytes);
  return std::nullopt;
}

ConsoleConversation::Step PostgresqlConsole::reject(const Failure& failure, Exchange& out) {
  fail(failure, out);
  return std::nullopt;
}

ConsoleConversation::Step PostgresqlConsole::parse(Bytes body, Exchange& out) {
  Cursor cursor(body);
  const std::string_view name = cursor.cstring();
  const std::string_view text = cursor.cstring();
  const std::uint16_t types = cursor.be16();
  cursor.skip(std::size_t{4} * types);
  if (!cursor.finished()) {
    return throw_out(malformed("Parse"), out);
  }
  if (types != 0) {
    return reject(no_parameters(), out);
  }
  if (!name.empty() && prepared_.contains(name)) {
    return reject(error("42P05", "prepared statement " + quoted(name) + " already exists"), out);
  }
  if (prepared_.size() >= kMaxStatements && !prepared_.contains(name)) {
    return reject(too_many("prepared statements"), out);
  }
  if (text.size() > kMaxStatement) {
    return reject(protocol::fail(FailureKind::message_too_large,
                                 "the statement is longer than any command of the console"),
                  out);
  }
  if (sql::split_statements(text, {}).size() > 1) {
    return reject(bad_command("cannot insert multiple commands into a prepared statement"), out);
  }
  prepared_.insert_or_assign(std::string(name), std::string(text));
  return reply(backend::kParseComplete, out);
}

ConsoleConversation::Step PostgresqlConsole::bind(Bytes body, Exchange& out) {
  const auto request = parse_bind(body);
  if (!request) {
    return throw_out(malformed("Bind"), out);
  }
  const auto statement = prepared_.find(request->statement);
  if (statement == prepared_.end()) {
    return reject(no_statement(request->statement), out);
  }
  if (request->parameters != 0) {
    return reject(no_parameters(), out);
  }
  if (!request->portal.empty() && portals_.contains(request->portal)) {
    return reject(error("42P03", "portal " + quoted(request->portal) + " already exists"), out);
  }
  if (portals_.size() >= kMaxPortals && !portals_.contains(request->portal)) {
    return reject(too_many("portals"), out);
  }
  portals_.insert_or_assign(std::string(request->portal),
                            Portal{statement->second, request->formats, std::nullopt, 0});
  return reply(backend::kBindComplete, out);
}

ConsoleConversation::Step PostgresqlConsole::describe(Bytes body, Exchange& out) {
  const auto target = parse_target(body);
  if (!target) {
    return throw_out(malformed("Describe"), out);
  }
  if (target->kind == 'P') {
    const auto portal = portals_.find(target->name);
    if (portal == portals_.end()) {
      return reject(no_portal(target->name), out);
    }
    portal_ = target->name;
    return begin(portal->second.text, For::describe_portal, out);
  }
  const auto statement = prepared_.find(target->name);
  if (statement == prepared_.end()) {
    return reject(no_statement(target->name), out);
  }
  return begin(statement->second, For::describe_statement, out);
}

void PostgresqlConsole::described(const Table& table, Exchange& out) {
  Buffer bytes;
  Formats formats;
  if (for_ == For::describe_statement) {
    put_message(bytes, backend::kParameterDescription, Buffer{0, 0});
  } else {
    formats = portals_.find(portal_)->second.formats;
  }
  if (table.columns.empty()) {
    put_message(bytes, backend::kNoData);
  } else {
    put_row_description(bytes, table.columns, formats);
  }
  put(out, bytes);
}

ConsoleConversation::Step PostgresqlConsole::execute(Bytes body, Exchange& out) {
  Cursor cursor(body);
  const std::string_view name = cursor.cstring();
  rows_ = cursor.be32();
  if (!cursor.finished()) {
    return throw_out(malformed("Execute"), out);
  }
  const auto portal = portals_.find(name);
  if (portal == portals_.end()) {
    return reject(no_portal(name), out);
  }
  if (portal->second.table) {
    send_rows(portal->second, out);
    return std::nullopt;
  }
  if (sql::split_statements(portal->second.text, {}).empty()) {
    return reply(backend::kEmptyQueryResponse, out);
  }
  portal_ = name;
  return begin(portal->second.text, For::execute, out);
}

void PostgresqlConsole::send_rows(Portal& portal, Exchange& out) {
  Table& table = *portal.table;
  const std::size_t left = table.rows.size() - portal.next_row;
  const bool all = rows_ == 0 || left <= rows_;
  const std::size_t end = portal.next_row + (all ? left : rows_);
  Buffer bytes;
  for (; portal.next_row < end; ++portal.next_row) {
    put_data_row(bytes, table, table.rows[portal.next_row], portal.formats);
  }
  if (all) {
    put_command_complete(bytes, table.tag);
    table.rows = {};  // none is left, and there may have been many
    portal.next_row = 0;
  } else {
    put_message(bytes, backend::kPortalSuspended);
  }
  put(out, bytes);
}

ConsoleConversation::Step PostgresqlConsole::close(Bytes body, Exchange& out) {
  const auto target = parse_target(body);
  if (!target) {
    return throw_out(malformed("Close"), out);
  }
  const std::string name(target->name);
  target->kind == 'P' ? portals_.erase(name) : prepared_.erase(name);
  return reply(backend::kCloseComplete, out);
}

}  // namespace sluice::protocol::postgresql
