#include "protocol/mysql/link.hpp"

#include <utility>

#include "protocol/mysql/init_sql.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/mysql/session_state.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {

MysqlLink::MysqlLink(BackendLogin login, std::shared_ptr<const SessionDefaults> defaults)
    : Link(std::move(login)),
      baseline(defaults->init_sql.empty() ? nullptr : make_baseline(defaults->init_sql)),
      defaults_(std::move(defaults)) {
  if (!has(capability::kSessionTrack)) {
    trackers = Trackers::off;
  }
  if (has(capability::kMultiStatements)) {
    auto settings = std::make_shared<Settings>();
    settings->set(kMultiStatements, "1");
    set_settings(std::move(settings));
  }
}

void MysqlLink::set_settings(SettingsPtr settings) {
  settings_ = std::move(settings);
  context_ = parse_context(settings_);
}

void MysqlLink::forget_session() {
  auto kept = std::make_shared<Settings>();
  for (std::string_view name : {kSchema, kMultiStatements}) {
    if (std::string_view value = setting(settings_, name); !value.empty()) {
      kept->set(name, value);
    }
  }
  set_settings(std::move(kept));
  statements_.clear();
  charset_known = false;
  if (baseline) {
    baseline->forget();
  }
  if (has(capability::kSessionTrack)) {
    trackers = Trackers::unknown;
  }
}

void MysqlLink::push(const Job& job) {
  jobs_.push_back(job);
  if (jobs_.size() == 1) {
    stream_.start(job.kind, job.options);
  }
}

void MysqlLink::finish() {
  jobs_.erase(jobs_.begin());
  if (!jobs_.empty()) {
    stream_.start(jobs_.front().kind, jobs_.front().options);
  }
}

void MysqlLink::send(Outbox& out, Purpose purpose, Command command, std::string_view body) {
  Buffer payload;
  Writer(payload).u8(static_cast<std::uint8_t>(command)).text(body);
  out.own(packet(0, payload));
  ReplyKind kind = ReplyKind::simple;
  if (command == Command::query) {
    kind = ReplyKind::query;
  } else if (command == Command::stmt_prepare) {
    kind = ReplyKind::prepare;
  } else if (command == Command::stmt_close) {
    return;  // has no reply
  }
  ReplyOptions options;
  options.client = login_.capabilities;
  options.backend = login_.capabilities;
  options.capture_rows = purpose == Purpose::ask_insert_id;
  push({purpose, kind, options});
}

void MysqlLink::expect(ReplyKind kind, const ReplyOptions& options) {
  push({Purpose::client, kind, options});
}

void MysqlLink::track(Outbox& out) {
  static constexpr std::string_view kTrack =
      "SET @@SESSION.session_track_system_variables='*', @@SESSION.session_track_schema=ON, "
      "@@SESSION.session_track_state_change=ON, "
      "@@SESSION.session_track_transaction_info='CHARACTERISTICS'";
  if (trackers == Trackers::unknown) {
    trackers = Trackers::on;
    send(out, Purpose::trackers, Command::query, kTrack);
  }
}

void MysqlLink::start_chore(Chore chore, Outbox& to_backend) {
  chore_ = chore;
  chore_failure_.reset();
  switch (chore) {
    case Chore::ping:
      send(to_backend, Purpose::chore, Command::ping, {});
      break;
    case Chore::rollback:
      send(to_backend, Purpose::chore, Command::query, "ROLLBACK");
      break;
    case Chore::commit:
      send(to_backend, Purpose::chore, Command::query, "COMMIT");
      break;
    case Chore::reset:
      send(to_backend, Purpose::chore, Command::reset_connection, {});
      if (baseline) {
        start_init(to_backend);
      }
      break;
    case Chore::init:
      track(to_backend);
      start_init(to_backend);
      break;
  }
}

// All at once, which is why none of them may be one that waits for a file.
void MysqlLink::start_init(Outbox& out) {
  if (baseline->refused) {
    send(out, Purpose::init, Command::ping, {});
    return;
  }
  for (const std::string& statement : baseline->statements) {
    send(out, Purpose::init, Command::query, statement);
  }
  if (!busy()) {
    send(out, Purpose::init, Command::ping, {});
  }
}

ChoreState MysqlLink::chore_bytes(Bytes in) {
  Outbox nowhere;
  while (busy() && purpose() != Purpose::client && !in.empty()) {
    const ReplyEvent event = stream_.feed(in, nowhere);
    switch (event) {
      case ReplyEvent::more:
        continue;
      case ReplyEvent::ok:
        if (purpose() == Purpose::init && chore_ == Chore::init) {
          note_initial(stream_.ok());
        }
        if (!stream_.done()) {
          continue;
        }
        break;
      case ReplyEvent::error:
        if (purpose() == Purpose::trackers) {
          trackers = Trackers::off;
          finish();
          continue;
        }
        return chore_error(event);
      default:
        return chore_error(event);
    }
    if (ChoreState state = chore_reply(); state != ChoreState::pending) {
      return state == ChoreState::done && !in.empty() ? ChoreState::failed : state;
    }
  }
  return in.empty() && busy() ? ChoreState::pending : ChoreState::failed;
}

// One of the chore's commands has succeeded.
ChoreState MysqlLink::chore_reply() {
  const Purpose purpose = this->purpose();
  const bool open = status_flag::in_transaction(stream_.ok().status);
  finish();
  if (chore_ == Chore::reset && purpose == Purpose::chore) {
    forget_session();
  }
  if (busy()) {
    return ChoreState::pending;
  }
  if (purpose == Purpose::init) {
    if (open || baseline->refused) {
      chore_failure_ = std::make_unique<Failure>(
          fail(FailureKind::backend_login_failed,
               open ? "init_sql leaves a transaction open" : "init_sql may not LOAD DATA LOCAL"));
      return ChoreState::failed;
    }
    if (const std::string* value = baseline->own.find(kAutocommit);
        value != nullptr && chore_ == Chore::reset) {
      Settings now = settings_ ? *settings_ : Settings();
      now.set(kAutocommit, *value);
      set_settings(std::make_shared<const Settings>(std::move(now)));
    }
    init_done_ = true;
    baseline->restored();
  }
  return open ? ChoreState::failed : ChoreState::done;
}

ChoreState MysqlLink::chore_error(ReplyEvent event) {
  const bool init = purpose() == Purpose::init;
  const FailureKind kind = init ? FailureKind::backend_login_failed : FailureKind::backend_lost;
  if (event == ReplyEvent::error) {
    const Err& error = stream_.error();
    if (ends_connection(error.number)) {
      chore_failure_ = std::make_unique<Failure>(goodbye_failure(error));
      return ChoreState::failed;
    }
    chore_failure_ = std::make_unique<Failure>(
        fail(kind, (init ? "init_sql failed: " : "") + printable(error.text, 500)));
    chore_failure_->sqlstate_override = error.sqlstate;
    chore_failure_->mysql_errno_override = error.number;
  } else if (event == ReplyEvent::infile) {
    chore_failure_ = std::make_unique<Failure>(fail(kind, "init_sql may not LOAD DATA LOCAL"));
  }
  return ChoreState::failed;
}

// What a statement of init_sql has set is where all sessions start from. The character set and
// autocommit are not: they belong to the client, which says what it wants.
void MysqlLink::note_initial(const Ok& ok) {
  auto entries = decode_session_state(ok.session_state);
  if (ok.session_state.empty() || !entries) {
    return;
  }
  Settings reported;
  for (const TrackEntry& entry : *entries) {
    if (entry.type == TrackType::system_variables) {
      apply_variable(reported, entry.name, entry.value);
    }
  }
  Settings own = settings_ ? *settings_ : Settings();
  for (const auto& [name, value] : reported.entries()) {
    const bool initial = name != kAutocommit && !is_charset(name);
    (initial ? baseline->values : own).set(name, value);
    if (!initial) {
      baseline->own.set(name, value);
    }
  }
  set_settings(std::make_shared<const Settings>(std::move(own)));
}

Status MysqlLink::idle_bytes(Bytes in) {
  if (in.empty()) {
    return Done{};
  }
  unclean = true;
  return last_words(in);
}

// A MySQL server speaks unasked only to say goodbye.
Failure MysqlLink::last_words(Bytes in) {
  Result<Err> error = in.size() > kHeaderSize
                          ? decode_err(in.subspan(kHeaderSize))
                          : Result<Err>(fail(FailureKind::backend_lost, "bytes out of turn"));
  return error ? goodbye_failure(*error)
               : fail(FailureKind::backend_lost, "the server closed an idle connection",
                      "bytes out of turn");
}

}  // namespace sluice::protocol::mysql
