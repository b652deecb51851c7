#include "protocol/mysql/link.hpp"

#include <utility>

#include "protocol/mysql/packet.hpp"
#include "protocol/mysql/session_state.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {

MysqlLink::MysqlLink(BackendLogin login, std::shared_ptr<const SessionDefaults> defaults)
    : Link(std::move(login)), defaults_(std::move(defaults)) {
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

void MysqlLink::start_chore(Chore chore, Outbox& to_backend) {
  chore_ = chore;
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
      break;
  }
}

ChoreState MysqlLink::chore_bytes(Bytes in) {
  Outbox nowhere;
  while (busy() && purpose() == Purpose::chore && !in.empty()) {
    switch (stream_.feed(in, nowhere)) {
      case ReplyEvent::more:
        break;
      case ReplyEvent::ok:
        if (stream_.done()) {
          constexpr std::uint16_t kOpen =
              status_flag::kInTransaction | status_flag::kInReadOnlyTransaction;
          const bool open = (stream_.ok().status & kOpen) != 0;
          finish();
          if (chore_ == Chore::reset) {
            forget_session();
          }
          return open || !in.empty() ? ChoreState::failed : ChoreState::done;
        }
        break;
      default:
        return ChoreState::failed;
    }
  }
  return in.empty() && busy() ? ChoreState::pending : ChoreState::failed;
}

Status MysqlLink::idle_bytes(Bytes in) {
  if (in.empty()) {
    return Done{};
  }
  // A MySQL server speaks unasked only to say goodbye.
  unclean = true;
  Result<Err> error = in.size() > kHeaderSize
                          ? decode_err(in.subspan(kHeaderSize))
                          : Result<Err>(fail(FailureKind::backend_lost, "bytes out of turn"));
  Failure failure = fail(FailureKind::backend_lost, "the server closed an idle connection");
  failure.detail = error ? "error " + std::to_string(error->number) : "bytes out of turn";
  return failure;
}

}  // namespace sluice::protocol::mysql
