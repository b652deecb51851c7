// The backend's bytes: what a reply changes in the session, and what becomes of the link.

#include <algorithm>
#include <charconv>
#include <utility>

#include "protocol/cursor.hpp"
#include "protocol/mysql/conversation.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/mysql/session_track.hpp"

namespace sluice::protocol::mysql {
namespace {

using sql::MysqlStatement;
using enum sql::MysqlTrait;

// Errors that may have rolled back the transaction: deadlock, lock wait timeout, XA and certifier.
bool may_end_transaction(std::uint16_t number) {
  return number == 1213 || number == 1205 || number == 1614 || number == 1047 || number == 3101;
}

constexpr std::uint16_t kInterrupted = 1317;  // by KILL QUERY

}  // namespace

void MysqlConversation::from_backend(Bytes in, Exchange& out) {
  while (!in.empty() && link_ != nullptr) {
    if (!link_->busy()) {
      link_->unclean = true;  // a goodbye, or bytes that nobody asked for
      if (!closing_ && (!idle_state() || defaults_->session_mode)) {
        farewell(MysqlLink::last_words(in), out.to_client);
        closing_ = true;
      }
      return;
    }
    const bool clients = link_->purpose() == Purpose::client;
    const ReplyEvent event = link_->stream().feed(in, out.to_client);
    if (event == ReplyEvent::broken) {
      break_link(
          out, fail(FailureKind::backend_protocol, "the database server sent a malformed packet"));
      return;
    }
    if (clients) {
      on_client_event(event, out);
    } else {
      on_own_event(event, out);
    }
  }
  if (inspection_) {
    cancel_cut(out);
  }
}

// The reply cannot be followed any more.
void MysqlConversation::break_link(Exchange& out, const Failure& failure) {
  const ReplyStream& stream = link_->stream();
  const bool asked = link_->busy() && link_->purpose() == Purpose::client;
  if (asked && stream.at_boundary() && !stream.cut()) {
    write_error(
        out, failure,
        stream.started() ? stream.next_sequence() : static_cast<std::uint8_t>(sequence_ + 1));
    if (inspection_) {
      conclude_failed(encode_err(failure));
    }
  }
  link_->unclean = true;
  closing_ = true;
}

void MysqlConversation::on_client_event(ReplyEvent event, Exchange& out) {
  const bool done = link_->stream().done();
  switch (event) {
    case ReplyEvent::ok:
      on_ok(out);
      break;
    case ReplyEvent::error:
      on_error(out);
      break;
    case ReplyEvent::prepared:
      running_->prepared_id = link_->stream().prepared().id;
      running_->text->params = link_->stream().prepared().params;
      break;
    case ReplyEvent::infile:
      if ((capabilities_ & capability::kLocalFiles) == 0 || !running_->effects.has(load_local)) {
        break_link(out, fail(FailureKind::backend_protocol,
                             "the database server asked for a file that nobody offered"));
        return;
      }
      file_ = true;
      body_swallowed_ = false;
      break;
    case ReplyEvent::limited:
      ++out.facts.errors;
      break;
    default:
      break;
  }
  if (done) {
    finish_command(out);
  }
}

void MysqlConversation::on_ok(Exchange& /*out*/) {
  const Ok& ok = link_->stream().ok();
  status_ = static_cast<std::uint16_t>(ok.status & ~status_flag::kSessionStateChanged);
  running_->warnings = ok.warnings;
  if (inspection_) {
    went_on_behind_cut();
  }
  if (ok.last_insert_id != 0) {
    insert_dirty_ = true;
    insert_on_link_ = true;
  }
  switch (running_->command) {
    case Command::reset_connection:
      session_was_reset();
      return;
    case Command::init_db: {
      auto settings = std::make_shared<Settings>(wanted_ ? *wanted_ : Settings());
      if (!apply_schema(*settings, running_->schema) && running_->schema.empty()) {
        return;
      }
      adopt(std::move(settings));
      break;
    }
    case Command::set_option: {
      auto settings = std::make_shared<Settings>(wanted_ ? *wanted_ : Settings());
      if (running_->multi_on) {
        settings->set(kMultiStatements, "1");
      } else {
        settings->erase(kMultiStatements);
      }
      adopt(std::move(settings));
      break;
    }
    default:
      break;
  }
  if (!ok.session_state.empty()) {
    apply_state(ok.session_state);
  }
}

void MysqlConversation::on_error(Exchange& out) {
  out.facts.errors += link_->stream().cut() ? 0 : 1;  // the client had one already
  if (ends_connection(link_->stream().error().number)) {
    // What the session had there is gone with it, which only closing tells.
    closing_ = closing_ || !idle_state() || defaults_->session_mode;
    link_->unclean = true;
  }
  const MysqlStatement& effects = running_->effects;
  if (!link_->stream().cut()) {
    pins_.add(Pin::diagnostics);
  }
  if (effects.any({multi, opaque})) {
    // Part of it may have been done, and an ERR tells neither status nor changes.
    if (effects.has(opaque)) {
      pins_.add(Pin::session);
      session_changed_ = true;
    }
  } else if (running_->statement) {
    take_back_pins();
  }
}

// Cursors and long data of prepared statements, by the flags of the last OK.
void MysqlConversation::follow_cursor() {
  if (running_->statement_id == 0) {
    return;
  }
  ClientStatement* statement = statements_ ? statements_->find(running_->statement_id) : nullptr;
  if (statement == nullptr) {
    return;
  }
  const bool open =
      (status_ & status_flag::kCursorExists) != 0 && (status_ & status_flag::kLastRowSent) == 0;
  const bool failed = running_->failed;
  switch (running_->command) {
    case Command::stmt_execute:
      if (!statement->cursor && !statement->long_data && (!open || failed)) {
        return;
      }
      let_go(*statement);
      statement->cursor = open && !failed;
      break;
    case Command::stmt_fetch:
      statement->cursor = statement->cursor && (failed || open);
      break;
    case Command::stmt_reset:
      let_go(*statement);
      break;
    default:
      return;
  }
  if (LinkStatements::Entry* entry = on_link(*statement)) {
    entry->holds = statement->cursor ? 1 : 0;
  }
  statement_pins();
}

void MysqlConversation::finish_command(Exchange& out) {
  Running& running = *running_;
  running.failed = link_->stream().failed();
  const std::uint16_t number = running.failed ? link_->stream().error().number : 0;
  if (inspection_) {
    conclude_reply();
  }
  link_->finish();
  ++out.facts.queries;
  if (in_body()) {  // the server has answered before the end of the command: it may not read on
    link_->unclean = true;
    body_swallowed_ = true;
    closing_ = closing_ || !idle_state();
  }
  if (running.command == Command::stmt_prepare && !running.failed) {
    StatementPtr text = running.text;
    LinkStatements::Entry* known = link_->statements().find(text, link_->context());
    if (known != nullptr && known->statement->effects.traits == text->effects.traits) {
      text = known->statement;  // sessions with the same text share it
    }
    ClientStatement& added = statements_->add(text);
    if (inspection_) {
      added.digest = std::exchange(inspection_->digest, nullptr);
    }
    add_to_link(text, running.prepared_id, out);
  }
  follow_cursor();
  if (running.statement) {
    continuity_ = true;
    insert_dirty_ = insert_dirty_ || running.effects.any({last_insert_id, opaque});
    if (!running.failed) {
      if (running.effects.traits != 0) {
        release_pins(running.effects);
      }
      if (running.warnings > 0 && !running.effects.has(diagnostics)) {
        pins_.add(Pin::diagnostics);
      }
    }
    if (!in_transaction()) {
      ++out.facts.transactions;
    }
  }
  const bool unsure =
      running.failed &&
      (running.effects.any({multi, opaque}) ||
       ((status_ & status_flag::kInTransaction) != 0 && may_end_transaction(number)));
  if (unsure && !link_->unclean) {
    link_->send(out.to_backend, Purpose::ask_status, Command::ping, {});
  }
  after_command(out);
}

// Before the backend is given away, its LAST_INSERT_ID() is fetched for this session. In pool_mode
// statement what was left open is rolled back; the reply has told the client so.
void MysqlConversation::after_command(Exchange& out) {
  if (defaults_->statement_mode && status_flag::in_transaction(status_) && !link_->busy() &&
      !link_->unclean && !in_body()) {
    link_->send(out.to_backend, Purpose::ask_status, Command::query, "ROLLBACK");
    return;
  }
  if (!insert_dirty_ || defaults_->session_mode || link_->busy() || link_->unclean ||
      !idle_state() || in_body()) {
    return;
  }
  link_->send(out.to_backend, Purpose::ask_insert_id, Command::query, "SELECT LAST_INSERT_ID()");
  continuity_ = false;
}

void MysqlConversation::on_own_event(ReplyEvent event, Exchange& out) {
  ReplyStream& stream = link_->stream();
  const Purpose purpose = link_->purpose();
  const bool done = stream.done();
  if (event == ReplyEvent::error) {
    if (purpose == Purpose::trackers) {
      link_->trackers = MysqlLink::Trackers::off;
    } else {
      if (purpose == Purpose::absorb_cancel && stream.error().number == kInterrupted) {
        link_->finish();
        link_->send(out.to_backend, Purpose::ask_status, Command::ping, {});
        return;
      }
      if (purpose != Purpose::ask_insert_id && purpose != Purpose::ask_status) {
        held_error_ = std::make_unique<Buffer>(stream.payload().begin(), stream.payload().end());
      }
      link_->unclean =
          link_->unclean || purpose != Purpose::prepare || ends_connection(stream.error().number);
    }
  } else if (event == ReplyEvent::prepared) {
    running_->prepared_id = stream.prepared().id;
  } else if (event == ReplyEvent::row && purpose == Purpose::ask_insert_id) {
    Cursor cursor(stream.row());
    const std::string_view digits = cursor.lenenc_string();
    std::from_chars(digits.data(), digits.data() + digits.size(), insert_id_);
    insert_dirty_ = false;
  } else if (event == ReplyEvent::ok &&
             (purpose == Purpose::ask_status || purpose == Purpose::absorb_cancel)) {
    status_ = static_cast<std::uint16_t>(stream.ok().status & ~status_flag::kSessionStateChanged);
  }
  if (!done) {
    return;
  }
  link_->finish();
  if (purpose == Purpose::prepare && event != ReplyEvent::error) {
    add_to_link(running_->wanted, running_->prepared_id, out);
  }
  if (purpose == Purpose::ask_status) {
    after_command(out);
  }
}

void MysqlConversation::session_was_reset() {
  wanted_ = reset_settings(wanted_, login_facts(), *defaults_, mariadb_);
  statements_.reset();
  pins_.clear();
  insert_id_ = 0;
  insert_dirty_ = false;
  characteristics_ = xa_ = session_changed_ = show_state_ = false;
  table_locks_ = named_locks_ = instance_lock_ = handler_ = false;
  if (link_ == nullptr) {
    status_ = initial_status();
    return;
  }
  insert_on_link_ = true;
  link_->forget_session();
}

}  // namespace sluice::protocol::mysql
