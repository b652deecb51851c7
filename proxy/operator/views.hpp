#pragma once

// What an operator sees of the running process: plain values, copied at one moment, the same for
// the console, the HTTP API, the dashboard and the command line. No secret and no literal of a
// statement is in any of them.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "metrics/instruments.hpp"
#include "protocol/conversation.hpp"
#include "protocol/dialect.hpp"

namespace sluice::proxy::op {

using Duration = std::chrono::steady_clock::duration;
using WallTime = std::chrono::system_clock::time_point;

struct StatusView {
  std::string version;
  std::string config_file;  // "": started without one
  WallTime started_at{};
  Duration uptime{};
  std::string io;  // epoll | io_uring
  std::size_t workers = 0;
  std::size_t clients = 0;
  std::size_t max_client_connections = 0;
  bool ready = false;
  bool draining = false;
  std::string log_level;
  // Of the last reload, or the start.
  bool reload_ok = true;
  WallTime reloaded_at{};
  std::uint64_t reloads = 0;               // that succeeded
  std::string reload_error;                // of the last one, if it failed
  std::vector<std::string> needs_restart;  // keys whose new values wait for one
};

// A pool for one user and database. One of the configuration that nobody has asked for yet has
// `made` false, and the user and database of its url.
struct PoolView {
  std::string name;
  protocol::Protocol protocol{};
  bool made = true;
  std::string user;
  std::string database;
  std::vector<std::string> addresses;
  config::PoolMode mode{};
  std::size_t pool_size = 0;
  int max_overflow = 0;  // -1 = no bound
  std::size_t min_idle = 0;
  std::size_t max_db_connections = 0;
  std::size_t max_user_connections = 0;
  std::size_t idle = 0;
  std::size_t used = 0;  // lent to a session or an errand
  std::size_t connecting = 0;
  std::size_t closing = 0;
  std::size_t waiting = 0;
  Duration oldest_wait{0};
  // Sessions whose route leads here, by state.
  std::size_t clients_idle = 0;
  std::size_t clients_active = 0;
  std::size_t clients_waiting = 0;
  std::size_t clients_pinned = 0;
  bool paused = false;
  bool disabled = false;
  std::optional<bool> up;      // of the last attempt to connect; empty: none yet
  std::uint32_t failures = 0;  // openings that failed one after the other
  std::string last_error;      // of the last failed opening, until one succeeds
  Duration retry_in{0};        // while there are failures
};

struct SessionView {
  std::uint32_t id = 0;
  protocol::Protocol protocol{};
  std::string listener;
  std::string user;
  std::string database;  // as the client named it
  std::string client;    // address and port
  std::string application_name;
  std::string route;  // "" before the login has ended, or on the console
  std::string pool;
  std::uint32_t worker = 0;
  metrics::ClientState state{};
  protocol::PinSet pins;
  bool in_transaction = false;
  bool tls = false;
  std::string isolation_level;  // "" = the server's
  WallTime connected_at{};
  Duration age{};
  Duration state_age{};       // since its last request began, or its last answer ended
  Duration wait{};            // while it waits for a backend
  std::uint64_t backend = 0;  // BackendView::id of the one that it holds; 0: none
};

enum class BackendState : std::uint8_t { idle, used, errand };

struct BackendView {
  std::uint64_t id = 0;  // of this process
  std::string pool;
  protocol::Protocol protocol{};
  std::string user;
  std::string database;
  std::string address;
  std::uint32_t worker = 0;
  BackendState state{};
  std::uint32_t session = 0;    // SessionView::id of its holder; 0: nobody
  std::uint64_t server_id = 0;  // process id or connection id at the server
  std::string server_version;
  bool tls = false;
  WallTime connected_at{};
  Duration age{};
  Duration state_age{};  // since it was lent or given back
};

struct RouteView {
  std::string name;
  std::vector<std::string> tags;
  std::string pool;
  std::string match;            // in words
  std::string isolation_level;  // that sessions start with; "" = the server's
  bool read_only = false;
  std::vector<std::string> middleware;  // global ones first
  std::uint64_t sessions = 0;           // that took it since the start
};

// A schedule of the configuration, in its order.
struct ScheduleView {
  std::string cron;
  std::string timezone;
  std::string action;
  std::string pool;
  // Of a resize: what it gives.
  std::optional<std::size_t> pool_size;
  std::optional<int> max_overflow;
  std::optional<std::size_t> min_idle;
  bool in_force = false;  // the pool has these sizes
  WallTime last_run{};    // the time that it was for, in this process; zero: none yet
  std::optional<bool> last_ok;
  WallTime next_run{};  // zero: not within decades
};

// Something that an operator may want to have been told: reloads, restarts, backends down and up,
// pauses, kills, drains. The newest few hundred are kept.
struct EventView {
  std::uint64_t number = 0;  // counts up from 1
  WallTime at{};
  std::string kind;  // reload | backend_down | backend_up | pause | resume | ...
  std::string pool;  // "" where there is none
  std::string text;
  std::string by;  // user of the console or API; "" = sluice itself
};

// Counted since the start, over all workers and all users and databases of a pool.
struct PoolTotals {
  std::string pool;
  std::uint64_t transactions = 0;
  std::uint64_t queries = 0;
  std::uint64_t query_errors = 0;
  std::uint64_t bytes_from_clients = 0;
  std::uint64_t bytes_to_clients = 0;
  std::uint64_t acquires = 0;
  std::uint64_t connections_opened = 0;
  Duration transaction_time{};
  Duration query_time{};
  Duration wait_time{};
};

// One kind of statement: its text without literals. Only where the middleware
// `statement_statistics` is in a chain.
struct FingerprintView {
  std::string id;    // hexadecimal digits of its hash
  std::string text;  // normalised, cut
  std::string kind;  // select | insert | ...
  std::string pool;
  std::uint64_t count = 0;
  std::uint64_t errors = 0;
  std::uint64_t rows = 0;
  Duration total{};
  Duration p50{};
  Duration p95{};
  Duration p99{};
  Duration max{};
  WallTime last_seen{};
};

}  // namespace sluice::proxy::op
