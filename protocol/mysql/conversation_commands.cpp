// The commands, and the ones that are answered here.

#include <string>
#include <utility>

#include "protocol/cursor.hpp"
#include "protocol/mysql/conversation.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/sql/plain.hpp"

namespace sluice::protocol::mysql {
namespace {

using sql::MysqlStatement;
using enum sql::MysqlTrait;

Failure error(std::uint16_t number, std::string_view sqlstate, std::string text) {
  Failure failure = fail(FailureKind::unsupported_feature, std::move(text));
  failure.mysql_errno_override = number;
  failure.sqlstate_override = sqlstate;
  return failure;
}

// KILL and what may hide it; everything else needs a backend before its text is looked at.
bool may_be_kill(Bytes text) {
  for (std::uint8_t byte : text) {
    if (byte != ' ' && byte != '\t' && byte != '\n' && byte != '\r') {
      return byte == 'k' || byte == 'K' || byte == '/' || byte == '-' || byte == '#';
    }
  }
  return false;
}

}  // namespace

MysqlConversation::Stop MysqlConversation::dispatch(const Head& head, Bytes& in, Exchange& out) {
  const bool empty = head.length == 0;
  if (empty || (head.sequence != 0 && head.command() != Command::ping)) {
    Failure failure = fail(FailureKind::protocol_violation,
                           empty ? "Malformed communication packet" : "Got packets out of order");
    failure.mysql_errno_override = empty ? 1835 : 1156;
    write_error(out, failure, static_cast<std::uint8_t>(head.sequence + 1));
    closing_ = true;
    return Need::close;
  }
  if (head.length > defaults_->max_message) {
    write_error(out,
                fail(FailureKind::message_too_large, "the statement is larger than sluice allows"),
                static_cast<std::uint8_t>(head.sequence + 1));
    closing_ = true;
    return Need::close;
  }
  switch (head.command()) {
    case Command::quit:
      consume(head, in);
      closing_ = true;
      return Need::close;
    case Command::stmt_close:
      return stmt_close(head, in, out);
    case Command::stmt_send_long_data:
      return stmt_long_data(head, in, out);
    default:
      break;
  }
  if (held_error_) {
    // A backend that could not be made fit is closed; what the session had there is lost with it.
    closing_ = link_ != nullptr && link_->unclean && !idle_state();
    return answer_error(head, in, out, std::move(*std::exchange(held_error_, nullptr)));
  }
  switch (head.command()) {
    case Command::query:
      return query(head, in, out);
    case Command::stmt_execute:
      return stmt_execute(head, in, out);
    case Command::stmt_prepare:
      return stmt_prepare(head, in, out);
    case Command::stmt_fetch:
      return stmt_fetch(head, in, out);
    case Command::stmt_reset:
      return stmt_reset(head, in, out);
    case Command::ping:
      return ping(head, in, out);
    case Command::init_db:
      return init_db(head, in, out);
    case Command::set_option:
      return set_option(head, in, out);
    case Command::reset_connection:
      return reset_connection(head, in, out);
    case Command::change_user:
      return change_user(head, in, out);
    case Command::process_kill: {
      Cursor cursor(head.body());
      return kill(head, cursor.le32(), false, in, out);
    }
    case Command::field_list:
      return field_list(head, in, out);
    case Command::statistics:
      return simple(head, ReplyKind::text, in, out);
    case Command::process_info:
      return simple(head, ReplyKind::query, in, out);
    case Command::debug:
    case Command::refresh:
      return simple(head, ReplyKind::simple, in, out);
    default:
      return unsupported(head, in, out);
  }
}

MysqlConversation::Stop MysqlConversation::answer_error(const Head& head, Bytes& in, Exchange& out,
                                                        Buffer packet_bytes) {
  swallow(head, in);
  ++out.facts.errors;
  if (inspection_) {
    conclude_failed(packet_bytes);
  }
  if (in_body()) {  // sent when the rest of the command has come
    held_error_ = std::make_unique<Buffer>(std::move(packet_bytes));
  } else {
    body_swallowed_ = false;
    out.to_client.own(packet(static_cast<std::uint8_t>(head.sequence + 1), packet_bytes));
  }
  return std::nullopt;
}

MysqlConversation::Stop MysqlConversation::answer_error(const Head& head, Bytes& in, Exchange& out,
                                                        const Failure& failure) {
  return answer_error(head, in, out, encode_err(failure));
}

MysqlConversation::Stop MysqlConversation::answer_ok(const Head& head, Bytes& in, Exchange& out) {
  Ok ok;
  ok.status = local_status();
  out.to_client.own(
      packet(static_cast<std::uint8_t>(head.sequence + 1), encode_ok(ok, capabilities_)));
  consume(head, in);
  return std::nullopt;
}

MysqlConversation::Stop MysqlConversation::unsupported(const Head& head, Bytes& in, Exchange& out) {
  switch (head.command()) {
    case Command::binlog_dump:
    case Command::binlog_dump_gtid:
    case Command::register_slave:
    case Command::table_dump:
    case Command::clone:
    case Command::shutdown:
      return answer_error(head, in, out,
                          error(1235, "42000",
                                "sluice does not forward this command: replication "
                                "and shutdown need a direct connection"));
    default:
      return answer_error(head, in, out, error(1047, "08S01", "Unknown command"));
  }
}

MysqlConversation::Stop MysqlConversation::query(const Head& head, Bytes& in, Exchange& out) {
  if (inspection_) {
    if (Ready is = admit_text(RequestKind::query, head, in, out); is != Ready::yes) {
      return stop(is);
    }
  }
  const Bytes text = text_to_send(head);
  if (locks_) {
    if (std::optional<Failure> failure = breach(text, head.whole())) {
      return answer_error(head, in, out, *failure);
    }
  }
  if (link_ == nullptr && !may_be_kill(text)) {
    return Need::backend;
  }
  if (head.whole() && sql::plain_mysql(as_text(text)) == sql::Plain::nothing) {
    static const MysqlStatement kNothing;
    if (Ready is = ready_for(kNothing, head, in, out); is != Ready::yes) {
      return stop(is);
    }
    begin(Command::query, ReplyKind::query, &kNothing);
    forward_text(head, in, out);
    return std::nullopt;
  }
  sql::MysqlClassifier classifier(syntax());
  classifier.feed(text);
  if (head.whole()) {
    classifier.finish();
  }
  MysqlStatement effects = classifier.statement();
  if (head.whole()) {
    spare_carried(effects, text);
  }
  if (effects.kill && *effects.kill <= 0xFFFFFFFFU && (*effects.kill & kVirtualId) != 0) {
    return kill(head, *effects.kill, effects.kill_query, in, out);
  }
  if (Ready is = ready_for(effects, head, in, out); is != Ready::yes) {
    return stop(is);
  }
  begin(Command::query, ReplyKind::query, &effects);
  if (!head.whole()) {
    running_->tail = std::make_unique<sql::MysqlClassifier>(std::move(classifier));
    if (locks_ && locks_->locks()) {
      running_->locks_tail = std::make_unique<sql::MysqlLockReader>(*locks_, syntax());
      running_->locks_tail->feed(text);
    }
  }
  forward_text(head, in, out);
  return std::nullopt;
}

MysqlConversation::Stop MysqlConversation::simple(const Head& head, ReplyKind kind, Bytes& in,
                                                  Exchange& out) {
  if (Ready is = ready(out); is != Ready::yes) {
    return stop(is);
  }
  begin(head.command(), kind, nullptr);
  forward(head, in, out);
  return std::nullopt;
}

MysqlConversation::Stop MysqlConversation::field_list(const Head& head, Bytes& in, Exchange& out) {
  if (inspection_) {
    if (Ready is = admit_other(head, in, out); is != Ready::yes) {
      return stop(is);
    }
  }
  return simple(head, ReplyKind::fields, in, out);
}

MysqlConversation::Stop MysqlConversation::ping(const Head& head, Bytes& in, Exchange& out) {
  if (link_ == nullptr) {
    return answer_ok(head, in, out);
  }
  return simple(head, ReplyKind::simple, in, out);
}

MysqlConversation::Stop MysqlConversation::init_db(const Head& head, Bytes& in, Exchange& out) {
  if (Ready is = ready(out); is != Ready::yes) {
    return stop(is);
  }
  begin(Command::init_db, ReplyKind::simple, nullptr);
  running_->schema = as_text(head.body());
  forward(head, in, out);
  return std::nullopt;
}

MysqlConversation::Stop MysqlConversation::set_option(const Head& head, Bytes& in, Exchange& out) {
  if (Ready is = ready(out); is != Ready::yes) {
    return stop(is);
  }
  Cursor cursor(head.body());
  begin(Command::set_option, ReplyKind::simple, nullptr);
  running_->multi_on = cursor.le16() == 0;
  forward(head, in, out);
  return std::nullopt;
}

MysqlConversation::Stop MysqlConversation::reset_connection(const Head& head, Bytes& in,
                                                            Exchange& out) {
  if (link_ != nullptr) {
    return simple(head, ReplyKind::simple, in, out);
  }
  session_was_reset();
  return answer_ok(head, in, out);
}

MysqlConversation::Stop MysqlConversation::kill(const Head& head, std::uint64_t id, bool query_only,
                                                Bytes& in, Exchange& out) {
  if (id > 0xFFFFFFFFU || (id & kVirtualId) == 0) {
    return simple(head, ReplyKind::simple, in, out);
  }
  special_ = std::make_unique<Special>();
  special_->kind = Special::Kind::kill;
  special_->connection_id = static_cast<std::uint32_t>(id);
  special_->query_only = query_only;
  special_pending_ = true;
  if (inspection_) {
    inspection_->start();
  }
  consume(head, in);
  return Need::reply;
}

MysqlConversation::Stop MysqlConversation::change_user(const Head& head, Bytes& in, Exchange& out) {
  if (!head.whole()) {
    return answer_error(head, in, out, error(1835, "HY000", "Malformed communication packet"));
  }
  special_ = std::make_unique<Special>();
  special_->kind = Special::Kind::change_user;
  special_->packet.assign(head.payload().begin(), head.payload().end());
  special_pending_ = true;
  consume(head, in);
  return Need::reply;
}

}  // namespace sluice::protocol::mysql
