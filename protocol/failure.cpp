#include "protocol/failure.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace sluice::protocol {
namespace {

using enum FailureKind;
using enum Severity;

// In the order of the enum, so that a kind is its index; a test compares the two.
constexpr std::array<FailureRow, static_cast<std::size_t>(count_)> kRows{{
    {protocol_violation, "protocol_violation", "08P01", 1835, warning},
    {message_too_large, "message_too_large", "54000", 1153, warning},
    {proxy_header, "proxy_header", "08P01", 1835, warning},
    {unsupported_protocol, "unsupported_protocol", "0A000", 1251, info},
    {tls_required, "tls_required", "28000", 3159, info},
    {tls_failed, "tls_failed", "08006", 2026, info},
    {authentication_failed, "authentication_failed", "28P01", 1045, info},
    {no_route, "no_route", "28000", 1045, info},
    {unknown_database, "unknown_database", "3D000", 1049, info},
    {unsupported_feature, "unsupported_feature", "0A000", 1235, info},
    {too_many_clients, "too_many_clients", "53300", 1040, warning},
    {login_timeout, "login_timeout", "08006", 1159, info},
    {pool_timeout, "pool_timeout", "53300", 1203, warning},
    {pool_queue_full, "pool_queue_full", "53300", 1203, warning},
    {client_idle_timeout, "client_idle_timeout", "57P05", 4031, info},
    {idle_transaction_timeout, "idle_transaction_timeout", "25P03", 4031, info},
    {transaction_timeout, "transaction_timeout", "25P04", 1927, info},
    {query_timeout, "query_timeout", "57014", 3024, warning},
    {client_max_lifetime, "client_max_lifetime", "57P01", 1053, info},
    {pool_disabled, "pool_disabled", "57P03", 3032, info},
    {ended_by_operator, "ended_by_operator", "57P01", 1053, info},
    {token_invalid, "token_invalid", "28000", 1045, info},
    {read_only_route, "read_only_route", "25006", 1792, info},
    {statement_refused, "statement_refused", "42501", 1142, info},
    {statement_unseen, "statement_unseen", "54000", 1153, info},
    {rate_limited, "rate_limited", "53400", 1226, info},
    {connection_limit, "connection_limit", "53300", 1226, info},
    {row_limit, "row_limit", "54000", 1104, info},
    {result_limit, "result_limit", "54000", 1104, info},
    {address_refused, "address_refused", "28000", 1130, info},
    {snapshot_too_old, "snapshot_too_old", "25P04", 1927, info},
    {middleware_failed, "middleware_failed", "XX000", 1815, error},
    {backend_unreachable, "backend_unreachable", "08001", 2003, error},
    {backend_tls_failed, "backend_tls_failed", "08001", 2026, error},
    {backend_login_failed, "backend_login_failed", "08004", 1045, error},
    {backend_protocol, "backend_protocol", "08P01", 2027, error},
    {backend_lost, "backend_lost", "08006", 2013, warning},
    {backend_shutdown, "backend_shutdown", "57P01", 1053, warning},
    {backend_unclean, "backend_unclean", "08006", 2013, warning},
    {cancelled, "cancelled", "57014", 1317, info},
    {shutting_down, "shutting_down", "57P01", 1053, info},
    {internal, "internal", "XX000", 1815, error},
    {client_gone, "client_gone", "08006", 1184, debug},
}};

}  // namespace

const FailureRow& failure_row(FailureKind kind) {
  return kRows.at(static_cast<std::size_t>(kind));
}

std::string_view Failure::sqlstate() const {
  return sqlstate_override.empty() ? failure_row(kind).sqlstate : sqlstate_override;
}

std::uint16_t Failure::mysql_errno() const {
  return mysql_errno_override != 0 ? mysql_errno_override : failure_row(kind).mysql_errno;
}

Failure fail(FailureKind kind, std::string text, std::string detail) {
  Failure failure;
  failure.kind = kind;
  failure.text = std::move(text);
  failure.detail = std::move(detail);
  return failure;
}

}  // namespace sluice::protocol
