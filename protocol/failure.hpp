#pragma once

// THE table of ways to fail: label for the metric, SQLSTATE, MySQL errno, log level. What a client
// is told, what a log line says and what a counter counts all come from one row here.

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::protocol {

enum class FailureKind : std::uint8_t {
  // the client's fault
  protocol_violation,  // bytes that no correct peer sends
  message_too_large,
  proxy_header,          // none, or a bad one, where a load balancer must send it
  unsupported_protocol,  // a protocol version or capability that we do not speak
  tls_required,
  tls_failed,
  authentication_failed,  // wrong password, unknown user: never told apart
  no_route,
  unknown_database,
  unsupported_feature,  // refused rather than answered wrongly
  // limits
  too_many_clients,
  login_timeout,
  pool_timeout,
  pool_queue_full,
  client_idle_timeout,  // these five are named like their options in `limits`
  idle_transaction_timeout,
  transaction_timeout,
  query_timeout,
  client_max_lifetime,
  // an operator's word
  pool_disabled,      // no new sessions
  ended_by_operator,  // kill, or the request to connect again
  // refused or ended by middleware
  token_invalid,      // missing, forged, expired, for somebody else: the client is not told which
  read_only_route,    // a write on a route that is read only
  statement_refused,  // by a rule on its kind or text
  statement_unseen,   // longer than what middleware may see, where it must see all of it
  rate_limited,
  connection_limit,
  row_limit,
  result_limit,
  address_refused,
  snapshot_too_old,   // snapshot_age ended the session
  middleware_failed,  // a defect or a lack of memory in middleware: refused rather than let through
  // the backend's side
  backend_unreachable,
  backend_tls_failed,
  backend_login_failed,
  backend_protocol,  // the backend sent what no correct server sends
  backend_lost,      // died in the middle of something
  backend_shutdown,  // said that it shuts down, or that it ends this connection
  backend_unclean,   // settings could not be applied
  // ours
  cancelled,
  shutting_down,
  internal,
  client_gone,  // not an error that anybody is told
  count_
};

enum class Severity : std::uint8_t { debug, info, warning, error };

struct FailureRow {
  FailureKind kind;
  std::string_view label;     // metric label, snake_case
  std::string_view sqlstate;  // five characters, PostgreSQL appendix A; also MySQL's sqlstate
  std::uint16_t mysql_errno;  // MySQL server error reference
  Severity severity;          // level of the one log line
};

const FailureRow& failure_row(FailureKind kind);

// What went wrong. `text` is for the client: cause, pool, backend, what to do; never a secret or a
// literal. `detail` is for the log alone. A server's own error keeps its codes in the two
// overrides, so that the client sees them as the server sent them.
struct Failure {
  FailureKind kind = FailureKind::internal;
  std::string text;
  std::string detail;
  std::string sqlstate_override;           // empty: the row's
  std::uint16_t mysql_errno_override = 0;  // 0: the row's

  std::string_view label() const { return failure_row(kind).label; }
  std::string_view sqlstate() const;
  std::uint16_t mysql_errno() const;
};

Failure fail(FailureKind kind, std::string text, std::string detail = {});

}  // namespace sluice::protocol
