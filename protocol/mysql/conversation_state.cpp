// What the server's trackers say that a statement has changed, and what becomes of it here.

#include <memory>
#include <utility>

#include "protocol/mysql/conversation.hpp"
#include "protocol/mysql/session_track.hpp"

namespace sluice::protocol::mysql {
namespace {

using sql::MysqlStatement;
using enum sql::MysqlTrait;

// What MySQL adds to every OK when all variables are tracked.
bool only_statement_id(Bytes state) {
  static constexpr std::string_view kName("\x0cstatement_id");
  return state.size() > 2 + kName.size() && state[0] == 0 && state.size() == 2U + state[1] &&
         as_text(state.subspan(2, kName.size())) == kName;
}

}  // namespace

// The session and its backend have changed together.
void MysqlConversation::adopt(std::shared_ptr<Settings> settings) {
  wanted_ = protocol::share_settings(std::move(*settings));
  link_->set_settings(wanted_);
}

// One entry of the tracker; true if it explains a change of state.
bool MysqlConversation::track(const MysqlStatement& effects, const TrackEntry& entry,
                              Settings& settings) {
  switch (entry.type) {
    case TrackType::system_variables:
      if (effects.has(set_statement)) {
        return true;  // it has its old value again
      }
      switch (apply_variable(settings, entry.name, entry.value)) {
        case Change::ignored:
          return false;
        case Change::carried:
          return true;
        case Change::insert_id:
          insert_dirty_ = insert_on_link_ = true;
          return true;
        case Change::tracking:
          show_state_ = true;
          pins_.add(Pin::settings);
          return true;
        case Change::pinned:
          pins_.add(Pin::settings);
          return true;
      }
      return false;
    case TrackType::schema:
      if (!apply_schema(settings, entry.value)) {
        pins_.add(Pin::settings);
      }
      return true;
    case TrackType::transaction_characteristics:
      characteristics_ = !entry.value.empty();
      uncommitted_ = uncommitted_ || entry.value.find("READ UNCOMMITTED") != std::string_view::npos;
      return false;
    default:
      return false;
  }
}

void MysqlConversation::apply_state(Bytes state) {
  if (only_statement_id(state)) {
    return;
  }
  const MysqlStatement& effects = running_->effects;
  Result<std::vector<TrackEntry>> entries = decode_session_state(state);
  if (!entries) {
    pins_.add(Pin::session);
    session_changed_ = true;
    return;
  }
  auto settings = std::make_shared<Settings>(wanted_ ? *wanted_ : Settings());
  bool changed = false;
  bool explained = effects.any({set, use, temporary, text_prepare, role, user_variable, handler}) ||
                   running_->command == Command::init_db;
  for (const TrackEntry& entry : *entries) {
    changed = changed || (entry.type == TrackType::state_change && entry.value == "1");
    explained = track(effects, entry, *settings) || explained;
  }
  if (effects.has(set) && !effects.collation.empty()) {
    const bool word =
        effects.collation.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos;
    if (word && !sql::same_word(effects.collation, "default")) {
      settings->set("collation_connection", effects.collation);
    } else if (!word) {
      pins_.add(Pin::settings);
    }
  }
  const bool unexplained = changed && (!explained || effects.has(opaque));
  if (unexplained) {
    pins_.add(Pin::session);
    session_changed_ = true;
  }
  if (!same_settings(settings, wanted_) && !restore_locked(*settings)) {
    adopt(std::move(settings));
  }
  if (unexplained) {
    doubt_carried();
  }
}

}  // namespace sluice::protocol::mysql
