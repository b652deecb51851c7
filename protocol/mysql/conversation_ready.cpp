// What a command needs before it may be sent.

#include <string>
#include <utility>

#include "protocol/mysql/conversation.hpp"
#include "protocol/mysql/messages.hpp"

namespace sluice::protocol::mysql {
namespace {

using sql::MysqlStatement;
using enum sql::MysqlTrait;

Failure unsupported_error(std::string text) {
  Failure failure = fail(FailureKind::unsupported_feature, std::move(text));
  failure.mysql_errno_override = 1235;
  failure.sqlstate_override = "42000";
  return failure;
}

bool would_pin(const MysqlStatement& effects) {
  return effects.any({user_variable, temporary, lock_tables, lock_instance, named_lock,
                      text_prepare, handler, calc_found_rows, role, set_character, uncarried,
                      backend_identity});
}

}  // namespace

MysqlConversation::Stop MysqlConversation::stop(Ready is) {
  if (is == Ready::wait) {
    waiting_ = true;
    return Need::reply;
  }
  if (is == Ready::pause) {
    return Need::pause;
  }
  return is == Ready::backend ? Stop(Need::backend) : std::nullopt;
}

// What the last statement left behind is on another backend, or gone.
bool MysqlConversation::asks_what_is_lost(const MysqlStatement& effects) const {
  return effects.any({row_count, found_rows}) && !continuity_ && !defaults_->session_mode;
}

Failure MysqlConversation::lost_state_error() {
  return unsupported_error(
      "ROW_COUNT() and FOUND_ROWS() are lost when the backend changes between statements; "
      "use a transaction or pool_mode: session");
}

// A backend is there and has this session's settings.
MysqlConversation::Ready MysqlConversation::ready(Exchange& out) {
  if (link_ == nullptr || link_->unclean) {
    return Ready::backend;
  }
  if (inspection_ && std::exchange(inspection_->cancelled, false)) {
    link_->send(out.to_backend, Purpose::absorb_cancel, Command::ping, {});
    return Ready::wait;
  }
  return synchronise(out) ? Ready::wait : Ready::yes;
}

// ... and what else a statement with these effects asks of it.
MysqlConversation::Ready MysqlConversation::ready_for(const MysqlStatement& effects,
                                                      const Head& head, Bytes& in, Exchange& out) {
  if (Ready is = ready(out); is != Ready::yes) {
    return is;
  }
  if (effects.traits == 0 && !effects.opens_transaction && head.whole()) {
    return Ready::yes;
  }
  if (defaults_->refuse_unsupported && !defaults_->session_mode && would_pin(effects)) {
    answer_error(
        head, in, out,
        unsupported_error("this statement keeps state in its session, which this pool refuses "
                          "(unsupported_state: refuse); use a pool with pool_mode: session"));
    return Ready::answered;
  }
  if (defaults_->statement_mode && effects.opens_transaction) {
    answer_error(
        head, in, out,
        unsupported_error("transactions of several statements are refused in pool_mode statement; "
                          "use a pool with pool_mode: transaction"));
    return Ready::answered;
  }
  const bool asks_id = effects.any({last_insert_id, opaque}) || !head.whole();
  const bool give_id = asks_id && !insert_on_link_;
  const bool asks_last = effects.any({row_count, found_rows}) && !defaults_->session_mode;
  if (asks_what_is_lost(effects) || (asks_last && give_id)) {
    answer_error(head, in, out, lost_state_error());
    return Ready::answered;
  }
  if (give_id) {
    insert_on_link_ = true;
    link_->send(out.to_backend, Purpose::give_insert_id, Command::query,
                "SET @@SESSION.last_insert_id=" + std::to_string(insert_id_));
    return Ready::wait;
  }
  return Ready::yes;
}

// Everything is ready: the command is about to be forwarded.
void MysqlConversation::begin(Command command, ReplyKind kind, const MysqlStatement* effects) {
  Running& running = *running_;
  const bool missed = std::exchange(running.missed, false);
  running.clear();
  running.command = command;
  running.missed = missed;
  if (effects != nullptr) {
    running.statement = true;
    if (effects->traits != 0) {
      running.effects = *effects;
    }
    if (!effects->has(diagnostics)) {
      pins_.remove(Pin::diagnostics);
    }
    if (!effects->has(found_rows)) {
      pins_.remove(Pin::found_rows);
    }
    running.before = pins_;
    if (effects->traits != 0) {
      add_pins(*effects);
    }
  }
  ReplyOptions options;
  if (inspection_) {
    inspection_->start();
    options.limits = inspection_->limits;
  }
  options.client = capabilities_;
  options.backend = link_->login().capabilities;
  options.status = local_status();
  options.forward = true;
  options.show_state = show_state_;
  options.refuse_open = defaults_->statement_mode;
  options.allow_infile = (capabilities_ & capability::kLocalFiles) != 0 && running.statement &&
                         running.effects.has(load_local);
  options.statement_id = statements_ ? statements_->next_id() : 1;
  link_->expect(kind, options);
}

}  // namespace sluice::protocol::mysql
