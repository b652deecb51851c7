#pragma once

// The configuration as plain structs with defaults. Durations and sizes are already parsed, secrets
// already read. Loaded once, immutable, shared as shared_ptr<const Config>.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/middleware.hpp"
#include "config/schedule/cron.hpp"
#include "config/schedule/zone.hpp"
#include "protocol/secret.hpp"

namespace sluice::config {

using std::chrono::milliseconds;
using std::chrono::seconds;

enum class Protocol : std::uint8_t { postgresql, mysql };
enum class TlsMode : std::uint8_t { disable, prefer, require, verify_ca, verify_full };
enum class PoolMode : std::uint8_t { session, transaction, statement };
enum class ResetOnReturn : std::uint8_t { rollback, commit, full, none };
enum class LogFormat : std::uint8_t { text, json };
enum class Readiness : std::uint8_t { any, all, none };
enum class Io : std::uint8_t { automatic, epoll, io_uring };

// host and port, or the path of a unix socket. An empty host to listen on means all addresses.
struct Address {
  std::string host;
  std::uint16_t port = 0;
  std::string unix_path;  // not empty: the other two are not used
};

struct ListenerTls {
  TlsMode mode = TlsMode::disable;
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;  // of verify_ca and verify_full
};

// Who puts HAProxy's PROXY header in front of its connections: networks. Empty = nobody.
struct ProxyProtocol {
  std::vector<std::string> trusted;
};

struct Listener {
  std::string name;
  Protocol protocol = Protocol::postgresql;
  Address bind;
  ListenerTls tls;
  ProxyProtocol proxy_protocol;
};

struct PoolTls {
  TlsMode mode = TlsMode::prefer;
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
};

struct Pool {
  std::string name;
  Protocol protocol = Protocol::postgresql;  // from the url
  std::vector<Address> addresses;       // from the url; at least one, in the order of preference
  std::string user;                     // empty: the client's own
  std::string database;                 // empty: the client's own
  std::optional<std::string> password;  // from the url, `password` or `password_file`
  PoolMode pool_mode = PoolMode::transaction;
  std::size_t pool_size = 20;
  int max_overflow = 0;  // -1 = no bound
  milliseconds overflow_delay{0};
  std::size_t min_idle = 0;
  milliseconds pool_timeout{30000};
  std::size_t max_waiting = 0;          // 0 = no bound
  milliseconds pool_recycle{-1};        // negative = never
  milliseconds idle_timeout{600000};    // 0 = never
  milliseconds keepalive_time{120000};  // 0 = never
  bool pool_pre_ping = false;
  milliseconds pool_pre_ping_idle{500};
  bool pool_use_lifo = true;
  ResetOnReturn pool_reset_on_return = ResetOnReturn::rollback;
  std::string isolation_level;  // "" = the server's; else upper case as in SQL
  bool read_only = false;
  std::optional<bool> autocommit;  // MySQL; empty = left to the client
  std::string init_sql;            // "" = none
  std::vector<std::pair<std::string, std::string>> connect_args;  // without connect_timeout
  milliseconds connect_timeout{5000};
  PoolTls tls;
  std::size_t max_prepared_statements = 200;
  bool refuse_unsupported_state = false;
  std::size_t max_db_connections = 0;    // over all users of one database; 0 = no bound
  std::size_t max_user_connections = 0;  // over all databases of one user; 0 = no bound
};

// What a user may do on the console, the HTTP API and the dashboard.
enum class AdminRight : std::uint8_t { none, read_only, act };

struct User {
  std::string name;
  AdminRight admin = AdminRight::none;
  protocol::Secret secret;
};

// Empty = matches all. Shell patterns (*, ?, [...]), but for `address`.
struct Match {
  std::optional<Protocol> protocol;
  std::string listener;
  std::string user;
  std::string database;
  std::string application_name;
  TextPairs attributes;              // startup parameter or connection attribute -> pattern
  std::vector<std::string> address;  // of the client: CIDRs, one of which must hold it
  std::string tls_subject;           // of a verified client certificate, RFC 2253
  TextPairs claims;                  // of a token that the global chain has verified
};

// Empty = those of `limits`.
struct RouteTimeouts {
  std::optional<milliseconds> client_idle_timeout;
  std::optional<milliseconds> idle_transaction_timeout;
  std::optional<milliseconds> transaction_timeout;
  std::optional<milliseconds> query_timeout;
  std::optional<milliseconds> client_max_lifetime;
};

// In place of what middleware of the route would say when it refuses; empty = its own.
struct OnRefuse {
  std::string message;
  std::string sqlstate;
  std::uint16_t mysql_errno = 0;  // `errno` in the file
};

struct Route {
  std::string name;
  std::vector<std::string> tags;
  Match match;
  std::string pool;
  std::string isolation_level;     // "" = the pool's
  std::optional<bool> read_only;   // empty = the pool's
  std::optional<bool> autocommit;  // MySQL; empty = the pool's
  RouteTimeouts timeouts;
  std::string init_sql;  // SETs that the sessions start with, beyond the pool's; "" = none
  std::vector<Middleware> middleware;
  OnRefuse on_refuse;
};

enum class ScheduleAction : std::uint8_t { resize, pause, resume, reconnect, disable, enable };

// Something that is done to a pool again and again.
struct Schedule {
  schedule::Cron cron;
  schedule::Zone timezone;
  ScheduleAction action = ScheduleAction::resize;
  std::string pool;
  // Of `resize`: what is empty is as the pool itself has it.
  std::optional<std::size_t> pool_size;
  std::optional<int> max_overflow;
  std::optional<std::size_t> min_idle;

  friend bool operator==(const Schedule& a, const Schedule& b) = default;
};

struct Admin {
  std::optional<Address> http;
  std::string socket;  // path of a unix socket for `sluice ctl` and the API; "" = none
  ListenerTls tls;     // of `http`: disable or require
  bool dashboard = false;
  Readiness readiness = Readiness::any;
  std::string console_database = "sluice";  // "pgbouncer" means it, too
};

struct Limits {
  std::size_t max_client_connections = 10000;
  milliseconds client_login_timeout{15000};
  // Of a session; 0 = none.
  milliseconds client_idle_timeout{0};
  milliseconds idle_transaction_timeout{0};
  milliseconds transaction_timeout{0};
  milliseconds query_timeout{0};
  milliseconds client_max_lifetime{0};
  std::size_t max_message = std::size_t{1} << 30U;
  std::size_t max_pinned_buffer = std::size_t{1} << 20U;  // of a statement, for middleware
};

struct Drain {
  milliseconds delay{0};
  milliseconds timeout{60000};
};

struct Reload {
  bool watch = true;
};

struct Log {
  std::string level = "info";  // trace | debug | info | warning | error
  LogFormat format = LogFormat::text;
};

struct Config {
  int version = 1;
  unsigned workers = 0;  // 0 = auto
  Io io = Io::automatic;
  std::vector<Listener> listeners;
  std::vector<Pool> pools;
  std::vector<User> users;
  std::vector<Middleware> middleware;  // the global chain
  std::vector<Route> routes;
  std::vector<Schedule> schedules;
  Admin admin;
  Limits limits;
  Drain drain;
  Reload reload;
  Log log;

  const Pool* find_pool(const std::string& name) const;
  const User* find_user(const std::string& name) const;
};

}  // namespace sluice::config
