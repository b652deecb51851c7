#include "protocol/postgresql/console.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "protocol/cursor.hpp"
#include "protocol/postgresql/messages.hpp"
#include "protocol/sql/split.hpp"

namespace sluice::protocol::postgresql {
namespace {

Failure violation(std::string text) {
  return protocol::fail(FailureKind::protocol_violation, std::move(text));
}

std::string_view value_of(const Parameters& parameters, std::string_view name) {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [&](const auto& one) { return one.first == name; });
  return found == parameters.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace

PostgresqlConsole::PostgresqlConsole(const ClientLogin& login, ConsoleIdentity identity)
    : ConsoleConversation(std::move(identity)),
      user_(login.user),
      database_(login.database),
      application_name_(value_of(login.parameters, "application_name")) {}

void PostgresqlConsole::welcome(const Parameters& /*reported*/, const CancelRequest& key,
                                Outbox& to_client) {
  Buffer bytes;
  for (const char* name :
       {"server_version", "client_encoding", "server_encoding", "DateStyle", "IntervalStyle",
        "TimeZone", "standard_conforming_strings", "integer_datetimes", "application_name",
        "session_authorization", "is_superuser"}) {
    if (auto value = setting(name)) {
      put_parameter_status(bytes, name, std::get<std::string>(value->rows.front().front()));
    }
  }
  put_backend_key_data(bytes, key.process_id, key.key);
  put_ready_for_query(bytes, 'I');
  to_client.own(bytes);
}

void PostgresqlConsole::farewell(const Failure& failure, Outbox& to_client) {
  Buffer bytes;
  put_error_response(bytes, failure, ErrorLevel::fatal);
  to_client.own(bytes);
}

ConsoleConversation::Step PostgresqlConsole::read(Bytes& in, Exchange& out) {
  FrameReader::Head head;
  const auto whole = [](char) { return std::numeric_limits<std::size_t>::max(); };
  switch (reader_.peek(in, kMaxConsoleMessage, whole, head)) {
    case FrameReader::Got::more:
      return Need::input;
    case FrameReader::Got::too_large:
      return throw_out(protocol::fail(FailureKind::message_too_large,
                                      "the message is larger than the console takes"),
                       out);
    case FrameReader::Got::bad:
    case FrameReader::Got::body:
      return throw_out(violation("invalid length of message"), out);
    case FrameReader::Got::head:
      break;
  }
  // accept() frees a head that the reader holds.
  const Buffer body(head.body().begin(), head.body().end());
  reader_.accept(in, head);
  return message(head.type, body, out);
}

ConsoleConversation::Step PostgresqlConsole::message(char type, Bytes body, Exchange& out) {
  switch (type) {
    case frontend::kTerminate:
      return Need::close;
    case frontend::kQuery:
      return skipping_ ? std::nullopt : simple_query(body, out);
    case frontend::kSync:
      batch_ = skipping_ = false;
      portals_.clear();
      end_query(out);
      return std::nullopt;
    case frontend::kFlush:
      return std::nullopt;  // nothing is held back
    case frontend::kParse:
    case frontend::kBind:
    case frontend::kDescribe:
    case frontend::kExecute:
    case frontend::kClose:
      batch_ = true;
      return skipping_ ? std::nullopt : extended(type, body, out);
    case frontend::kFunctionCall:
      if (skipping_) {
        return std::nullopt;
      }
      batch_ = false;
      fail(protocol::fail(FailureKind::unsupported_feature, "the console has no functions"), out);
      end_query(out);
      return std::nullopt;
    default:
      return throw_out(violation("unexpected message on the console"), out);
  }
}

ConsoleConversation::Step PostgresqlConsole::throw_out(const Failure& failure, Exchange& out) {
  farewell(failure, out.to_client);
  return Need::close;
}

// Statements run one by one; the text is over when none is left.
ConsoleConversation::Step PostgresqlConsole::simple_query(Bytes body, Exchange& out) {
  Cursor cursor(body);
  const std::string_view text = cursor.cstring();
  if (!cursor.finished()) {
    return throw_out(violation("malformed Query message"), out);
  }
  batch_ = false;  // it has a ReadyForQuery of its own: no Sync need come
  portals_.clear();
  statements_ = sql::split_statements(text, {});
  if (statements_.empty()) {
    reply(backend::kEmptyQueryResponse, out);
    end_query(out);
  }
  std::reverse(statements_.begin(), statements_.end());
  return std::nullopt;
}

ConsoleConversation::Step PostgresqlConsole::run(std::string text, Exchange& out) {
  return begin(std::move(text), For::query, out);
}

// Answered here, or asked of who holds this conversation.
ConsoleConversation::Step PostgresqlConsole::begin(std::string text, For what, Exchange& out) {
  for_ = what;
  const bool describing = what == For::describe_statement || what == For::describe_portal;
  if (describing && sql::split_statements(text, {}).empty()) {
    described({}, out);
    return std::nullopt;
  }
  if (auto own = own_answer(text, !describing)) {
    answered(std::move(*own), out);
    return std::nullopt;
  }
  return ask({std::move(text), describing});
}

void PostgresqlConsole::answered(const Result<Table>& outcome, Exchange& out) {
  if (!outcome) {
    fail(outcome.failure(), out);
    if (for_ == For::query) {
      statements_.clear();
      end_query(out);
    }
    return;
  }
  const Table& table = outcome.value();
  Buffer bytes;
  for (const std::string& note : table.notes) {
    put_notice(bytes, note);
  }
  put(out, bytes);
  if (for_ == For::execute) {
    const auto portal = portals_.find(portal_);
    portal->second.table = table;
    send_rows(portal->second, out);
    return;
  }
  if (for_ != For::query) {
    described(table, out);
    return;
  }
  bytes.clear();
  if (!table.columns.empty()) {
    put_row_description(bytes, table.columns, {});
    for (const Row& row : table.rows) {
      put_data_row(bytes, table, row, {});
    }
  }
  put_command_complete(bytes, table.tag);
  put(out, bytes);
  if (statements_.empty()) {
    end_query(out);
  }
}

void PostgresqlConsole::fail(const Failure& failure, Exchange& out) {
  Buffer bytes;
  put_error_response(bytes, failure, ErrorLevel::error);
  put(out, bytes);
  skipping_ = batch_;
}

void PostgresqlConsole::end_query(Exchange& out) {
  Buffer bytes;
  put_ready_for_query(bytes, in_block_ ? 'T' : 'I');
  put(out, bytes);
}

}  // namespace sluice::protocol::postgresql
