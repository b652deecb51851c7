#pragma once

// What SHOW can show. A topic is a row here and a function that makes its table of what an operator
// sees: pgbouncer_*.cpp have those with PgBouncer's names and columns, tables.cpp has ours.

#include <string>
#include <string_view>
#include <vector>

#include "protocol/table.hpp"
#include "proxy/operator/operator.hpp"

namespace sluice::proxy::console {

struct Topic {
  std::string_view name;  // upper case
  protocol::Table (*make)(op::Operator& house);
  std::string_view what;  // one line for SHOW HELP
};

const std::vector<Topic>& topics();
// Null: there is none. `name` in upper case.
const Topic* find_topic(std::string_view name);

// The version of PgBouncer whose columns these are.
inline constexpr std::string_view kPgbouncerVersion = "1.26.1";

protocol::Table show_active_sockets(op::Operator& house);
protocol::Table show_clients(op::Operator& house);
protocol::Table show_config(op::Operator& house);
protocol::Table show_databases(op::Operator& house);
protocol::Table show_dns_hosts(op::Operator& house);
protocol::Table show_dns_zones(op::Operator& house);
protocol::Table show_fds(op::Operator& house);
protocol::Table show_lists(op::Operator& house);
protocol::Table show_mem(op::Operator& house);
protocol::Table show_peer_pools(op::Operator& house);
protocol::Table show_peers(op::Operator& house);
protocol::Table show_pools(op::Operator& house);
protocol::Table show_servers(op::Operator& house);
protocol::Table show_sockets(op::Operator& house);
protocol::Table show_state(op::Operator& house);
protocol::Table show_stats(op::Operator& house);
protocol::Table show_stats_averages(op::Operator& house);
protocol::Table show_stats_totals(op::Operator& house);
protocol::Table show_totals(op::Operator& house);
protocol::Table show_users(op::Operator& house);
protocol::Table show_version(op::Operator& house);

protocol::Table show_backends(op::Operator& house);
protocol::Table show_events(op::Operator& house);
protocol::Table show_fingerprints(op::Operator& house);
protocol::Table show_help(op::Operator& house);
protocol::Table show_log_level(op::Operator& house);
protocol::Table show_middleware(op::Operator& house);
protocol::Table show_pins(op::Operator& house);
protocol::Table show_routes(op::Operator& house);
protocol::Table show_schedules(op::Operator& house);
protocol::Table show_sessions(op::Operator& house);

}  // namespace sluice::proxy::console
