#include "protocol/postgresql/link.hpp"

#include "protocol/postgresql/init_sql.hpp"
#include "protocol/postgresql/messages.hpp"
#include "protocol/postgresql/session_state.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::postgresql {
namespace {

void put_query(Outbox& out, std::string_view text) {
  Buffer body;
  Writer(body).cstring(text);
  Buffer message;
  put_message(message, frontend::kQuery, body);
  out.own(message);
}

// Rows of settings are seen whole.
std::size_t chore_head(char type) {
  return type == backend::kDataRow ? kHeadLimit : backend_head(type);
}

}  // namespace

std::size_t backend_head(char type) {
  switch (type) {
    case backend::kReadyForQuery:
    case backend::kParameterStatus:
    case backend::kErrorResponse:
    case backend::kNoticeResponse:
    case backend::kCommandComplete:
      return kHeadLimit;
    default:
      return kHeaderSize;
  }
}

BackendLink::BackendLink(BackendLogin login, std::size_t limit, std::string_view init_sql)
    : Link(std::move(login)),
      max_statements(limit),
      baseline(init_sql.empty() ? nullptr : make_baseline(init_sql)) {
  backslash_escapes_ = parameter("standard_conforming_strings") == "off";
}

std::string_view BackendLink::parameter(std::string_view name) const {
  for (const auto& [known, value] : login_.parameters) {
    if (known == name) {
      return value;
    }
  }
  return {};
}

std::string BackendLink::report(std::string_view name, std::string_view value) {
  if (name == "standard_conforming_strings") {
    backslash_escapes_ = value == "off";
  }
  for (auto& [known, current] : login_.parameters) {
    if (known == name) {
      std::string before = std::move(current);
      current = value;
      return before;
    }
  }
  login_.parameters.emplace_back(name, value);
  return {};
}

bool BackendLink::announces_end(const FrameReader::Head& head) {
  if (head.type != backend::kNoticeResponse) {
    return false;
  }
  auto fields = parse_error_fields(head.body());
  return fields && tells_shutdown(fields->sqlstate);
}

void BackendLink::forget_session() {
  settings_.reset();
  statements.clear();
  unnamed.reset();
  unnamed_known = false;
}

void BackendLink::start_chore(Chore chore, Outbox& to_backend) {
  chore_ = chore;
  chore_failure_.reset();
  chore_replies_ = 1;
  switch (chore) {
    case Chore::ping:
      put_query(to_backend, "");
      break;
    case Chore::rollback:
      put_query(to_backend, "ROLLBACK");
      break;
    case Chore::commit:
      put_query(to_backend, "COMMIT");
      break;
    case Chore::reset:
      // DISCARD ALL cannot run in a transaction, nor in one text with another statement.
      if (status != 'I') {
        put_query(to_backend, "ROLLBACK");
        ++chore_replies_;
      }
      put_query(to_backend, "DISCARD ALL");
      if (baseline) {
        put_query(to_backend, baseline->statements.front());
        ++chore_replies_;
      }
      break;
    case Chore::init:
      put_query(to_backend, baseline->statements.front());
      put_query(to_backend, kAskBaseline);
      ++chore_replies_;
      break;
  }
  unnamed.reset();
  unnamed_known = true;
}

ChoreState BackendLink::chore_bytes(Bytes in) {
  ChoreState state = ChoreState::pending;
  for (;;) {
    FrameReader::Head head;
    switch (reader.peek(in, kBackendMessageLimit, chore_head, head)) {
      case FrameReader::Got::more:
        return state;
      case FrameReader::Got::body:
        reader.take_body(in);
        break;
      case FrameReader::Got::head:
        if (state == ChoreState::done) {
          return ChoreState::failed;  // more than the chore asked for
        }
        state = chore_message(head);
        if (state == ChoreState::failed) {
          return state;
        }
        reader.accept(in, head);
        break;
      default:
        return ChoreState::failed;
    }
  }
}

ChoreState BackendLink::chore_message(const FrameReader::Head& head) {
  switch (head.type) {
    case backend::kParameterStatus:
      if (auto parsed = parse_parameter_status(head.body()); parsed && head.whole()) {
        report(parsed->name, parsed->value);
        return ChoreState::pending;
      }
      return ChoreState::failed;
    case backend::kNoticeResponse:
      return announces_end(head) ? chore_error(head) : ChoreState::pending;
    case backend::kNotificationResponse:
    case backend::kCommandComplete:
    case backend::kEmptyQueryResponse:
      return ChoreState::pending;
    case backend::kReadyForQuery:
      return chore_ready(head);
    case backend::kErrorResponse:
      return chore_error(head);
    case backend::kRowDescription:
      return initialising() || asking() ? ChoreState::pending : ChoreState::failed;
    case backend::kDataRow:
      if (asking()) {
        add_setting(baseline->values, head.body());
      }
      return initialising() || asking() ? ChoreState::pending : ChoreState::failed;
    default:
      if (initialising()) {
        chore_failure_ = std::make_unique<Failure>(
            fail(FailureKind::backend_login_failed, "init_sql does what it may not, such as COPY"));
      }
      return ChoreState::failed;
  }
}

bool BackendLink::initialising() const {
  return (chore_ == Chore::init && chore_replies_ == 2) ||
         (chore_ == Chore::reset && baseline && chore_replies_ == 1);
}

ChoreState BackendLink::chore_ready(const FrameReader::Head& head) {
  auto ready = parse_ready_for_query(head.body());
  if (!ready || chore_replies_ == 0) {
    return ChoreState::failed;
  }
  status = *ready;
  if (status != 'I') {
    if (initialising()) {
      chore_failure_ = std::make_unique<Failure>(
          fail(FailureKind::backend_login_failed, "init_sql leaves a transaction open"));
    }
    return ChoreState::failed;
  }
  if (--chore_replies_ != 0) {
    return ChoreState::pending;
  }
  if (chore_ == Chore::reset) {
    forget_session();
    unnamed_known = true;
  }
  if (baseline && (chore_ == Chore::reset || chore_ == Chore::init)) {
    init_done_ = true;
    baseline->restored();
  }
  return ChoreState::done;
}

// A chore has no error that leaves the connection usable.
ChoreState BackendLink::chore_error(const FrameReader::Head& head) {
  if (auto fields = parse_error_fields(head.body())) {
    const bool init = initialising();
    chore_failure_ = std::make_unique<Failure>(
        fail(tells_shutdown(fields->sqlstate) ? FailureKind::backend_shutdown
             : init                           ? FailureKind::backend_login_failed
                                              : FailureKind::backend_lost,
             (init ? "init_sql failed: " : "") + printable(fields->message, 500)));
    chore_failure_->sqlstate_override = fields->sqlstate;
  }
  return ChoreState::failed;
}

Failure BackendLink::closed_by_server(const ErrorFields& fields) {
  Failure failure = fail(
      tells_shutdown(fields.sqlstate) ? FailureKind::backend_shutdown : FailureKind::backend_lost,
      "the server closed the connection: " + printable(fields.message, 200));
  failure.sqlstate_override = fields.sqlstate;
  return failure;
}

void BackendLink::ended_by(const ErrorFields& fields) {
  fatal = true;
  last_words_ = std::make_unique<Failure>(closed_by_server(fields));
}

Status BackendLink::idle_bytes(Bytes in) {
  for (;;) {
    FrameReader::Head head;
    switch (reader.peek(in, kBackendMessageLimit, backend_head, head)) {
      case FrameReader::Got::more:
        return Done{};
      case FrameReader::Got::body:
        reader.take_body(in);
        continue;
      case FrameReader::Got::head:
        break;
      default:
        return fail(FailureKind::backend_protocol, "the server sent a malformed message");
    }
    if (head.type == backend::kParameterStatus && head.whole()) {
      if (auto parsed = parse_parameter_status(head.body())) {
        report(parsed->name, parsed->value);
      }
    } else if (head.type == backend::kErrorResponse || announces_end(head)) {
      auto fields = parse_error_fields(head.body());
      return fields ? closed_by_server(*fields)
                    : fail(FailureKind::backend_lost, "the server closed the connection");
    } else if (head.type != backend::kNoticeResponse &&
               head.type != backend::kNotificationResponse) {
      return fail(FailureKind::backend_protocol, "the server sent an unexpected message");
    }
    reader.accept(in, head);
  }
}

}  // namespace sluice::protocol::postgresql
