// Session state: what statements do to it, and what sluice makes of that: carried, pinned, refused.

#include <utility>

#include "protocol/postgresql/conversation.hpp"
#include "protocol/postgresql/session_state.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::postgresql {
namespace {

constexpr std::size_t kHeldCursors = 32;  // of one session, whose names are remembered

// What a RESET means for the session, where the server's meaning is another.
void add_initial(Settings& again, const Settings& initial, const sql::Effects& effects) {
  if (effects.change == sql::Change::reset_all) {
    for (const auto& [name, value] : initial.entries()) {
      again.set(name, value);
    }
  } else if (const std::string* value = initial.find(effects.name);
             value != nullptr && effects.change == sql::Change::reset) {
    again.set(effects.name, *value);
  }
}

}  // namespace

// Before a statement with effects goes to the backend. Need::reply when its outcome must wait for
// replies that are on their way in any case.
ClientConversation::Step ClientConversation::consider(const sql::Effects& effects,
                                                      std::optional<Failure>& refusal) {
  bool applying = !link_->expected.empty() && link_->expected.front().kind == Reply::settings;
  // The settings that go ahead of it may fail, which leaves a failed transaction behind that these
  // would end.
  if (applying && (effects.ends_transaction || effects.several)) {
    return Need::reply;
  }
  refusal = refusal_of(effects);
  return std::nullopt;
}

std::optional<Failure> ClientConversation::refusal_of(const sql::Effects& effects) const {
  bool held = pins_.any() || defaults_->session_mode;
  if (effects.needs_sequence && !held) {
    bool inside = link_->status != 'I' || batch_open_ || !link_->expected.empty();
    if (!sequence_ok_ || !inside) {
      return fail(FailureKind::unsupported_feature,
                  "currval() and lastval() are not supported here, because the backend may have "
                  "served other sessions; use INSERT ... RETURNING, or pool_mode: session");
    }
  }
  if (effects.resets && (startup_ || link_->baseline)) {
    return fail(FailureKind::unsupported_feature,
                "RESET together with other statements in one text is not supported; send it alone");
  }
  if (!defaults_->refuse_unsupported || defaults_->session_mode) {
    return std::nullopt;
  }
  bool in_block = link_->status != 'I' && effects.change != sql::Change::none;
  if (effects.pins.any() || in_block) {
    return fail(FailureKind::unsupported_feature,
                "this statement changes state of the session that is not carried between "
                "backends, and unsupported_state is refuse; use pool_mode: session");
  }
  return std::nullopt;
}

// Nothing is outstanding here.
ClientConversation::Step ClientConversation::refuse_query(const Failure& refusal, const Head& head,
                                                          Exchange& out) {
  if (link_->status == 'E') {
    // The server refuses it for a reason of its own.
    link_->expected.push(Reply::query).asked = take_admission();
    pass(head, out);
    return std::nullopt;
  }
  Buffer error;
  put_error_response(error, refusal, ErrorLevel::error);
  if (link_->status == 'I') {
    put_ready_for_query(error, 'I');
    reply_locally(std::move(error), out);
    answer_admitted(Answer::End::failed, refusal.sqlstate());
    ++out.facts.queries;
    return std::nullopt;
  }
  // The error must fail the transaction on the server too.
  fail_transaction(std::move(error), out).asked = take_admission();
  return std::nullopt;
}

// A name of the protocol's: known to this client alone, so the server need not hear of it.
ClientConversation::Step ClientConversation::deallocate(const sql::Effects& effects,
                                                        const Head& /*head*/, Exchange& out) {
  statements_->erase(effects.name);
  unnamed_.reset();
  Buffer tag;
  Writer(tag).cstring("DEALLOCATE");
  Buffer bytes;
  put_message(bytes, backend::kCommandComplete, tag);
  put_ready_for_query(bytes, link_->status);
  reply_locally(std::move(bytes), out);
  answer_admitted(Answer::End::done);
  ++out.facts.queries;
  return std::nullopt;
}

// A statement with effects is about to be sent.
void ClientConversation::watch(const sql::Effects& effects) {
  sequence_ok_ = sequence_ok_ || effects.writes;
  if (effects.change != sql::Change::none || effects.discard_all || effects.resets) {
    settle_ = true;
  }
}

// Between requests, after settings have changed: the rest must know the outcome.
ClientConversation::Step ClientConversation::settle(Exchange& out) {
  if (!settle_ || batch_open_) {
    return std::nullopt;
  }
  if (!link_->expected.empty()) {
    return Need::reply;
  }
  settle_ = false;
  if (reapply_ && link_->status == 'T') {
    send_settings(apply_settings(*reapply_), nullptr, true, out);
  } else if (link_->status == 'I' && !pins_.has(Pin::settings)) {
    bring_settings(out);
  }
  reapply_.reset();
  return std::nullopt;
}

void ClientConversation::send_settings(std::string_view sql, SettingsPtr result, bool reapplies,
                                       Exchange& out) {
  Buffer body;
  Writer(body).cstring(sql);
  send(frontend::kQuery, body, out);
  link_->unnamed.reset();
  link_->unnamed_known = true;
  Expected& entry = link_->expected.push(Reply::settings);
  entry.visible = false;
  entry.aftermath = std::make_unique<Aftermath>();
  entry.aftermath->settings = std::move(result);
  entry.aftermath->reapplies = reapplies;
  entry.aftermath->reports = std::exchange(tell_, false);
}

// From what the backend has to what the session wants.
void ClientConversation::bring_settings(Exchange& out) {
  const bool lost = link_->baseline && link_->baseline->lost;
  if (same_settings(link_->settings(), wanted_) && !lost) {
    link_->set_settings(wanted_);  // makes the next comparison one of pointers
    if (tell_ && !mid_reply()) {
      tell_parameters(out);
    }
    return;
  }
  const std::string sql = settings_difference(link_->settings(), wanted_, link_->baseline.get());
  if (lost) {
    link_->baseline->lost = false;
  }
  if (sql.empty()) {
    link_->set_settings(wanted_);
    return;
  }
  send_settings(sql, wanted_, false, out);
}

// After a RESET the client has heard the login's values of the backend; these are its own.
void ClientConversation::tell_parameters(Exchange& out) {
  tell_ = false;
  if (!startup_) {
    return;
  }
  Buffer bytes;
  for (const auto& [name, value] : link_->parameters()) {
    for (const auto& [own, unused] : startup_->entries()) {
      if (same_setting_name(own, name)) {
        put_parameter_status(bytes, name, value);
      }
    }
  }
  out.to_client.own(bytes);
}

// A statement has run. `outside`: outside of a transaction block, so nothing can take it back.
void ClientConversation::carry_out(const Aftermath& aftermath, const Expected* entry,
                                   bool outside) {
  const sql::Effects* effects = aftermath.effects();
  if (effects == nullptr) {
    return;
  }
  bool failed = entry != nullptr && entry->failed;
  if (failed && !entry->succeeded) {
    // These outlive the transaction that failed.
    for (Pin pin : {Pin::lock, Pin::session}) {
      if (effects->pins.has(pin)) {
        pins_.add(pin);
      }
    }
    return;
  }
  for (unsigned i = 0; i < static_cast<unsigned>(Pin::count_); ++i) {
    if (effects->pins.has(static_cast<Pin>(i))) {
      pins_.add(static_cast<Pin>(i));
    } else if (outside && !failed && effects->unpins.has(static_cast<Pin>(i))) {
      pins_.remove(static_cast<Pin>(i));
    }
  }
  if (failed && !effects->several) {
    return;  // one of several that only clean up: all of them are taken back
  }
  note_cursors(*effects, outside);
  bool resets = effects->discard_all || effects->change == sql::Change::reset ||
                effects->change == sql::Change::reset_all;
  tell_ = tell_ || (resets && (startup_ || link_->baseline));
  if (effects->discard_all) {
    link_->set_settings(nullptr);
    if (link_->baseline) {
      link_->baseline->forget();
    }
    wanted_ = startup_;
    scratch().changed.clear();
  } else if (effects->change != sql::Change::none) {
    change_settings(*effects, outside);
  }
}

// Closing the last cursor WITH HOLD ends its pin, if the names of all of them were seen.
void ClientConversation::note_cursors(const sql::Effects& effects, bool outside) {
  if (effects.pins.has(Pin::cursor)) {
    std::vector<std::string>& held = scratch().held;
    if (held.size() < kHeldCursors) {
      held.push_back(effects.declares_cursor ? effects.name : std::string());
    } else {
      held.back().clear();
    }
  } else if (scratch_ && effects.closes_cursor && outside) {
    std::erase(scratch_->held, effects.name);
    if (scratch_->held.empty()) {
      pins_.remove(Pin::cursor);
    }
  } else if (scratch_ && !pins_.has(Pin::cursor)) {
    scratch_->held.clear();
  }
}

void ClientConversation::change_settings(const sql::Effects& effects, bool outside) {
  bool all = effects.change == sql::Change::reset_all;
  if (!outside) {
    pins_.add(Pin::settings);
    // On the server RESET means the login's values; init_sql's and this client's own come after.
    Settings again = reapply_ ? *reapply_ : Settings{};
    if (link_->baseline) {
      add_initial(again, link_->baseline->values, effects);
    }
    if (startup_) {
      add_initial(again, *startup_, effects);
    }
    if (!again.empty()) {
      reapply_ = std::make_shared<const Settings>(std::move(again));
    }
    return;
  }
  if (all) {
    SettingsPtr kept;  // RESET ALL leaves these as they are
    for (std::string_view name : {"role", "session_authorization"}) {
      if (const std::string* value = find_setting(link_->settings(), name)) {
        kept = with_setting(kept, name, *value);
      }
    }
    link_->set_settings(kept);
    if (link_->baseline) {
      link_->baseline->lost = true;
    }
    wanted_ = startup_;
    if (scratch_) {
      scratch_->changed.clear();
    }
    return;
  }
  if (effects.change == sql::Change::set || effects.change == sql::Change::set_as_reported) {
    const std::string* value =
        effects.change == sql::Change::set ? &effects.value : reported(effects.name);
    if (value == nullptr) {
      pins_.add(Pin::settings);  // a parameter of the request, which nobody has looked at
      return;
    }
    link_->set_settings(with_setting(link_->settings(), effects.name, *value));
    wanted_ = with_setting(wanted_, effects.name, *value);
    if (same_settings(link_->settings(), wanted_)) {
      link_->set_settings(wanted_);
    }
  } else {
    link_->set_settings(without_setting(link_->settings(), effects.name));
    if (link_->baseline && link_->baseline->values.find(effects.name) != nullptr) {
      link_->baseline->lost = true;
    }
    const std::string* value = find_setting(startup_, effects.name);
    wanted_ = value != nullptr ? with_setting(wanted_, effects.name, *value)
                               : without_setting(wanted_, effects.name);
  }
  explain_change(effects.name);
}

const std::string* ClientConversation::reported(std::string_view name) const {
  for (const auto& [known, value] : link_->parameters()) {
    if (same_setting_name(known, name)) {
      return &value;
    }
  }
  return nullptr;
}

// A reported value has changed. It is back where it was, or a statement will explain it, or the
// session has state that is not carried.
void ClientConversation::note_change(std::string_view name, std::string before,
                                     std::string_view value) {
  if (before == value || name == "in_hot_standby") {
    return;
  }
  Parameters& changed = scratch().changed;
  for (auto place = changed.begin(); place != changed.end(); ++place) {
    if (place->first == name) {
      if (place->second == value) {
        changed.erase(place);
      }
      return;
    }
  }
  changed.emplace_back(name, std::move(before));
}

void ClientConversation::explain_change(std::string_view name) {
  if (scratch_) {
    std::erase_if(scratch_->changed,
                  [name](const auto& row) { return same_setting_name(row.first, name); });
  }
}

}  // namespace sluice::protocol::postgresql
