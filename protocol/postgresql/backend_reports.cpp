#include "protocol/postgresql/backend_reports.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "protocol/postgresql/messages.hpp"

namespace sluice::protocol::postgresql {
namespace {

// Far more than any server needs to log one client in.
constexpr std::size_t kMaxMessages = 1000;
constexpr std::size_t kMaxBytes = std::size_t{1} << 20U;
constexpr std::size_t kMaxServerText = 500;
constexpr std::string_view kUndefinedDatabase = "3D000";

std::string who(const BackendTarget& target) {
  return target.database.empty()
             ? "user " + quoted(target.user)
             : "user " + quoted(target.user) + ", database " + quoted(target.database);
}

bool valid_sqlstate(std::string_view code) {
  return code.size() == 5 && std::all_of(code.begin(), code.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
         });
}

}  // namespace

Failure backend_failure(FailureKind kind, const BackendTarget& target, std::string_view what) {
  return fail(kind, "backend " + target.host + ": " + std::string(what) + " (" + who(target) + ")");
}

Failure backend_refusal(const BackendTarget& target, Bytes error_body) {
  std::optional<ErrorFields> fields = parse_error_fields(error_body);
  if (!fields) {
    return backend_failure(FailureKind::backend_protocol, target, "malformed error message");
  }
  std::string text = "backend " + target.host + " refused the login of user " + quoted(target.user);
  if (!target.database.empty()) {
    text += " to database " + quoted(target.database);
  }
  std::string reason = printable(fields->message, kMaxServerText);
  text += reason.empty() ? " without a reason" : ": " + reason;
  Failure failure = fail(fields->sqlstate == kUndefinedDatabase ? FailureKind::unknown_database
                                                                : FailureKind::backend_login_failed,
                         std::move(text));
  if (valid_sqlstate(fields->sqlstate)) {
    failure.sqlstate_override = fields->sqlstate;
  }
  return failure;
}

Result<std::optional<Message>> Reports::take(const BackendTarget& target, Bytes frame) {
  std::optional<Message> message = open_message(frame);
  if (!message) {
    return backend_failure(FailureKind::backend_protocol, target, "invalid message length");
  }
  bytes_ += frame.size();
  if (++messages_ > kMaxMessages || bytes_ > kMaxBytes) {
    return backend_failure(FailureKind::backend_protocol, target,
                           "too many messages during the login");
  }
  switch (message->type) {
    case backend::kErrorResponse:
      return backend_refusal(target, message->body);
    case backend::kNoticeResponse:
      if (!parse_error_fields(message->body)) {
        return backend_failure(FailureKind::backend_protocol, target, "malformed notice");
      }
      return std::optional<Message>();
    case backend::kParameterStatus:
      if (!set(message->body)) {
        return backend_failure(FailureKind::backend_protocol, target, "malformed parameter status");
      }
      return std::optional<Message>();
    default:
      return message;
  }
}

std::string_view Reports::find(std::string_view name) const {
  auto entry = std::find_if(parameters_.begin(), parameters_.end(),
                            [&](const auto& known) { return known.first == name; });
  return entry == parameters_.end() ? std::string_view{} : entry->second;
}

bool Reports::set(Bytes body) {
  std::optional<ParameterStatus> status = parse_parameter_status(body);
  if (!status) {
    return false;
  }
  auto entry = std::find_if(parameters_.begin(), parameters_.end(),
                            [&](const auto& known) { return known.first == status->name; });
  if (entry != parameters_.end()) {
    entry->second = status->value;
  } else {
    parameters_.emplace_back(status->name, status->value);
  }
  return true;
}

}  // namespace sluice::protocol::postgresql
