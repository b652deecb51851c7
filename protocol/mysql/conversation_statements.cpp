// COM_STMT_*: the client's statement ids are virtual; what a backend lacks is prepared on it first.
//
//   EXECUTE    17 id 4 flags 1 iterations 4 [null bitmap  new_params_bound 1 [types 2n] values]
//   LONG_DATA  18 id 4 parameter 2 data      FETCH  1C id 4 rows 4
//   RESET      1A id 4                       CLOSE  19 id 4
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase_ps.html

#include <array>
#include <utility>

#include "protocol/cursor.hpp"
#include "protocol/mysql/conversation.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {
namespace {

constexpr std::size_t kIdEnd = 5;         // command and id
constexpr std::size_t kParamsBegin = 10;  // of EXECUTE

Failure error(std::uint16_t number, std::string text) {
  Failure failure = fail(FailureKind::unsupported_feature, std::move(text));
  failure.mysql_errno_override = number;
  failure.sqlstate_override = "HY000";
  return failure;
}

std::array<std::uint8_t, kIdEnd> command_with_id(Command command, std::uint32_t id) {
  return {static_cast<std::uint8_t>(command), static_cast<std::uint8_t>(id),
          static_cast<std::uint8_t>(id >> 8U), static_cast<std::uint8_t>(id >> 16U),
          static_cast<std::uint8_t>(id >> 24U)};
}

std::string id_bytes(std::uint32_t id) {
  const auto bytes = command_with_id(Command::stmt_close, id);
  return std::string(as_text(Bytes(bytes).subspan(1)));
}

}  // namespace

ClientStatement* MysqlConversation::named_statement(const Head& head) {
  Cursor cursor(head.body());
  const std::uint32_t id = cursor.le32();
  return cursor.ok() && statements_ ? statements_->find(id) : nullptr;
}

MysqlConversation::Stop MysqlConversation::unknown_statement(const Head& head, Bytes& in,
                                                             Exchange& out,
                                                             std::string_view command) {
  Cursor cursor(head.body());
  return answer_error(
      head, in, out,
      error(1243, "Unknown prepared statement handler (" + std::to_string(cursor.le32()) +
                      ") given to " + std::string(command)));
}

LinkStatements::Entry* MysqlConversation::on_link(const ClientStatement& statement) {
  return link_ == nullptr ? nullptr
                          : link_->statements().find(statement.statement, link_->context());
}

void MysqlConversation::prepare_on_link(const ClientStatement& statement, Exchange& out) {
  running_->wanted = statement.statement;
  running_->missed = true;
  continuity_ = false;
  link_->send(out.to_backend, Purpose::prepare, Command::stmt_prepare, statement.statement->text);
}

void MysqlConversation::add_to_link(const StatementPtr& statement, std::uint32_t id,
                                    Exchange& out) {
  LinkStatements& known = link_->statements();
  known.add(statement, link_->context(), id);
  for (std::uint32_t old : known.trim(link_->max_statements(), id)) {
    link_->send(out.to_backend, Purpose::prepare, Command::stmt_close, id_bytes(old));
    ++out.facts.prepared_evicted;
  }
}

void MysqlConversation::statement_pins() {
  pins_.remove(Pin::cursor);
  pins_.remove(Pin::long_data);
  if (handler_ || (statements_ && statements_->any_cursor())) {
    pins_.add(Pin::cursor);
  }
  if (statements_ && statements_->any_long_data()) {
    pins_.add(Pin::long_data);
  }
}

// The statement has nothing on its backend any more that must stay there.
void MysqlConversation::let_go(ClientStatement& statement) {
  statement.cursor = false;
  statement.long_data = false;
  if (LinkStatements::Entry* entry = on_link(statement)) {
    entry->holds = 0;
  }
  statement_pins();
}

// An EXECUTE that failed takes the parameters along that were sent ahead of it.
void MysqlConversation::drop_long_data(ClientStatement& statement, Exchange& out) {
  LinkStatements::Entry* entry = on_link(statement);
  if (!statement.long_data || entry == nullptr) {
    return;
  }
  link_->send(out.to_backend, Purpose::ask_status, Command::stmt_reset, id_bytes(entry->id));
  let_go(statement);
}

MysqlConversation::Stop MysqlConversation::stmt_prepare(const Head& head, Bytes& in,
                                                        Exchange& out) {
  if (!head.whole() || (statements_ && statements_->full())) {
    return answer_error(head, in, out,
                        head.whole() ? error(1461, "too many prepared statements in this session")
                                     : error(1153, "the statement is too large to be prepared"));
  }
  if (inspection_) {
    if (Ready is = admit_text(RequestKind::prepare, head, in, out); is != Ready::yes) {
      return stop(is);
    }
  }
  const Bytes text = text_to_send(head);
  if (locks_) {
    if (std::optional<Failure> failure = breach(text, true)) {
      return answer_error(head, in, out, *failure);
    }
  }
  if (Ready is = ready(out); is != Ready::yes) {
    return stop(is);
  }
  sql::MysqlStatement effects = sql::classify_mysql(as_text(text), syntax());
  spare_carried(effects, text);
  if (effects.kill && (*effects.kill & kVirtualId) != 0) {
    return answer_error(head, in, out,
                        error(1295,
                              "This command is not supported in the prepared statement "
                              "protocol yet"));
  }
  if (!statements_) {
    statements_ = std::make_unique<ClientStatements>();
  }
  pins_.remove(Pin::diagnostics);
  begin(Command::stmt_prepare, ReplyKind::prepare, nullptr);
  running_->text = make_statement(as_text(text), 0, std::move(effects));
  forward_text(head, in, out);
  return std::nullopt;
}

MysqlConversation::Stop MysqlConversation::stmt_execute(const Head& head, Bytes& in,
                                                        Exchange& out) {
  ClientStatement* statement = named_statement(head);
  if (statement == nullptr) {
    return unknown_statement(head, in, out, "EXECUTE");
  }
  if (std::exchange(statement->broken, false)) {
    return answer_error(head, in, out, error(1210, "parameters of this statement were lost"));
  }
  if (inspection_) {
    Request request;
    request.kind = RequestKind::execute;
    request.text = statement->statement->text;
    request.kept = &statement->digest;
    const Ready is = admit(request, head, in, out);
    if (is == Ready::answered) {
      drop_long_data(*statement, out);
    }
    if (is != Ready::yes) {
      return stop(is);
    }
  }
  if (Ready is = ready_for(statement->statement->effects, head, in, out); is != Ready::yes) {
    return stop(is);
  }
  LinkStatements::Entry* entry = on_link(*statement);
  if (entry == nullptr) {
    prepare_on_link(*statement, out);
    return stop(Ready::wait);
  }
  const auto id = command_with_id(Command::stmt_execute, entry->id);
  Buffer longer;  // id and types, where both go along
  std::size_t skip = kIdEnd;
  if (const std::size_t params = statement->statement->params; params > 0) {
    const std::size_t bound = kParamsBegin + (params + 7) / 8;
    const Bytes payload = head.payload();
    const bool whole_types =
        payload.size() > bound && (payload[bound] == 0 || payload.size() - bound > 2 * params);
    if (!whole_types) {
      return answer_error(head, in, out, error(1835, "Malformed communication packet"));
    }
    if (payload[bound] != 0) {
      const std::string_view types = as_text(payload.subspan(bound + 1, 2 * params));
      if (statement->types != types) {
        statement->types = types;
      }
    } else if (statement->types != entry->types) {
      // This backend has not seen the types of an earlier EXECUTE: they go along now.
      if (!head.whole() || head.length + statement->types.size() >= kMaxPayload) {
        return answer_error(head, in, out, error(1153, "the parameters are too large to be moved"));
      }
      Writer(longer)
          .bytes(id)
          .bytes(payload.subspan(kIdEnd, bound - kIdEnd))
          .u8(1)
          .text(statement->types);
      skip = bound + 1;
    }
    if (entry->types != statement->types) {
      entry->types = statement->types;
    }
  }
  (running_->missed ? out.facts.prepared_misses : out.facts.prepared_hits) += 1;
  running_->missed = false;
  begin(Command::stmt_execute, ReplyKind::query, &statement->statement->effects);
  running_->statement_id = statement->id;
  forward_rewritten(head, longer.empty() ? Bytes(id) : Bytes(longer), skip, in, out);
  return std::nullopt;
}

MysqlConversation::Stop MysqlConversation::stmt_long_data(const Head& head, Bytes& in,
                                                          Exchange& out) {
  ClientStatement* statement = named_statement(head);
  if (statement == nullptr || statement->broken || held_error_) {
    if (statement != nullptr) {
      statement->broken = true;  // there is no answer: the next EXECUTE tells
    }
    held_error_.reset();
    swallow(head, in);
    body_swallowed_ = in_body();
    return std::nullopt;
  }
  if (Ready is = ready(out); is != Ready::yes) {
    return stop(is);
  }
  LinkStatements::Entry* entry = on_link(*statement);
  if (entry == nullptr) {
    prepare_on_link(*statement, out);
    return stop(Ready::wait);
  }
  statement->long_data = true;
  ++entry->holds;
  statement_pins();
  forward_rewritten(head, command_with_id(Command::stmt_send_long_data, entry->id), kIdEnd, in,
                    out);
  return std::nullopt;
}

MysqlConversation::Stop MysqlConversation::stmt_fetch(const Head& head, Bytes& in, Exchange& out) {
  ClientStatement* statement = named_statement(head);
  if (statement == nullptr) {
    return unknown_statement(head, in, out, "FETCH");
  }
  LinkStatements::Entry* entry = on_link(*statement);
  if (!statement->cursor || entry == nullptr) {
    return answer_error(
        head, in, out,
        error(1421, "The statement (" + std::to_string(statement->id) + ") has no open cursor."));
  }
  if (inspection_) {
    Ready is = admit_other(head, in, out);
    is = is == Ready::yes ? ready(out) : is;
    if (is != Ready::yes) {
      return stop(is);
    }
  }
  begin(Command::stmt_fetch, ReplyKind::rows, nullptr);
  running_->statement_id = statement->id;
  forward_rewritten(head, command_with_id(Command::stmt_fetch, entry->id), kIdEnd, in, out);
  return std::nullopt;
}

MysqlConversation::Stop MysqlConversation::stmt_reset(const Head& head, Bytes& in, Exchange& out) {
  ClientStatement* statement = named_statement(head);
  if (statement == nullptr) {
    return unknown_statement(head, in, out, "RESET");
  }
  statement->broken = false;
  LinkStatements::Entry* entry = on_link(*statement);
  if (entry == nullptr || (!statement->cursor && !statement->long_data)) {
    return answer_ok(head, in, out);
  }
  begin(Command::stmt_reset, ReplyKind::simple, nullptr);
  running_->statement_id = statement->id;
  forward_rewritten(head, command_with_id(Command::stmt_reset, entry->id), kIdEnd, in, out);
  return std::nullopt;
}

// Has no answer. The backend keeps what it prepared, for whoever runs the same text next.
MysqlConversation::Stop MysqlConversation::stmt_close(const Head& head, Bytes& in, Exchange& out) {
  if (ClientStatement* statement = named_statement(head)) {
    LinkStatements::Entry* entry = on_link(*statement);
    if (entry != nullptr && (statement->cursor || statement->long_data)) {
      link_->send(out.to_backend, Purpose::prepare, Command::stmt_close, id_bytes(entry->id));
      link_->statements().erase(entry->id);
    }
    let_go(*statement);
    statements_->erase(statement->id);
    statement_pins();
  }
  swallow(head, in);
  body_swallowed_ = in_body();
  return std::nullopt;
}

}  // namespace sluice::protocol::mysql
