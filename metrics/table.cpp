#include "metrics/table.hpp"

#include <chrono>
#include <utility>

#include "metrics/collect.hpp"
#include "metrics/collectors.hpp"

namespace sluice::metrics {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;
using Words = std::vector<std::string_view>;

// A row for a number of the whole process.
template <auto Number>
Row process(std::string_view name, MetricType type, std::string_view help) {
  return {name, help, type, {}, [](const View& view, const Row&, MetricFamily& family) {
            put(family, static_cast<double>(Number(view)));
          }};
}

// A row for a number of each pool's sample.
template <auto Number>
Row sampled(std::string_view name, std::string_view help) {
  return {name,
          help,
          MetricType::Gauge,
          {"pool"},
          [](const View& view, const Row&, MetricFamily& family) {
            for (const auto& [pool, sample] : view.samples) {
              put(family, static_cast<double>(Number(sample)), {{"pool", pool}});
            }
          }};
}

using enum FailureKind;
constexpr std::uint64_t kBackendKinds =
    only(backend_unreachable, backend_tls_failed, backend_login_failed, backend_protocol,
         backend_lost, backend_shutdown, backend_unclean);
constexpr std::uint64_t kLoginKinds = only(authentication_failed, login_timeout);
constexpr std::uint64_t kLimitKinds = only(client_idle_timeout, idle_transaction_timeout,
                                           transaction_timeout, query_timeout, client_max_lifetime);
constexpr std::uint64_t kRejectedKinds = only(too_many_clients, no_route);

std::vector<Row> sampled_rows() {
  const Words by_state{"pool", "state"};
  return {
      {"sluice_pool_connections",
       "Backend connections: idle in the pool, used by a session, validating (pinged by sluice), "
       "resetting (cleaned for the next session), connecting, closing (told goodbye and not yet "
       "ended by the server).",
       MetricType::Gauge, by_state, &collect_pool_connections},
      sampled<[](const PoolSample& s) { return s.size; }>(
          "sluice_pool_connections_max",
          "pool_size, for each user and database that the pool has: connections that it keeps; 0 "
          "means no bound."),
      sampled<[](const PoolSample& s) { return s.overflow_max; }>(
          "sluice_pool_overflow_max",
          "max_overflow, likewise: connections above pool_size; -1 means no bound."),
      sampled<[](const PoolSample& s) { return s.min_idle; }>(
          "sluice_pool_connections_min_idle",
          "min_idle, likewise: idle connections that are kept open."),
      sampled<[](const PoolSample& s) { return s.paused; }>(
          "sluice_pool_paused", "1 while an operator has paused the pool: its sessions wait."),
      sampled<[](const PoolSample& s) { return s.disabled; }>(
          "sluice_pool_disabled",
          "1 while an operator has disabled the pool: new sessions are refused."),
      sampled<[](const PoolSample& s) { return s.pending; }>(
          "sluice_pool_pending_requests", "Sessions that wait for a backend connection now."),
      sampled<[](const PoolSample& s) {
        return std::chrono::duration<double>(s.oldest_wait).count();
      }>("sluice_pool_oldest_wait_seconds",
         "How long the session that has waited longest has waited; 0 when none waits."),
      sampled<[](const PoolSample& s) { return s.failures; }>(
          "sluice_pool_connect_failures",
          "Attempts to open a backend connection that have failed since the last success; while it "
          "is not 0, the next attempt waits, longer each time."),
      {"sluice_backend_up",
       "1 when the last attempt to use the backend of the pool succeeded; absent before the first.",
       MetricType::Gauge,
       {"pool"},
       &collect_backend_up},
  };
}

std::vector<Row> pool_rows() {
  using P = PoolInstruments;
  const Words pool{"pool"};
  const auto with = [](std::string_view label) { return Words{"pool", label}; };
  return {
      counted<&P::acquires>("sluice_pool_acquires_total", with("result"),
                            "Asks for a backend connection, by how they ended: with an idle one "
                            "(reused), a new one (opened), either after a wait (waited), not in "
                            "time (timeout), not at all (failed)."),
      counted<&P::acquire_timeouts>("sluice_pool_acquire_timeouts_total", pool,
                                    "Asks for a backend connection that pool_timeout ended."),
      counted<&P::wait>("sluice_pool_wait_seconds", pool,
                        "From asking for a backend connection until it was there."),
      counted<&P::use>("sluice_pool_use_seconds", pool,
                       "How long a session kept a backend connection."),
      counted<&P::connect>("sluice_pool_connect_seconds", with("phase"),
                           "Opening a backend connection: name and TCP (tcp), TLS handshake (tls), "
                           "login (auth), and all of it (total)."),
      counted<&P::connections_opened>("sluice_pool_connections_opened_total", pool,
                                      "Backend connections opened and logged in."),
      counted<&P::connections_closed>("sluice_pool_connections_closed_total", with("reason"),
                                      "Backend connections closed, by why."),
      counted<&P::pings>("sluice_pool_pings_total", with("result"),
                         "Pings of backend connections before they were lent."),
      counted<&P::keepalives>("sluice_pool_keepalives_total", with("result"),
                              "Pings of idle backend connections by keepalive_time."),
      counted<&P::warmed>("sluice_pool_warmed_total", with("result"),
                          "Openings of backend connections that no session waits for: min_idle, "
                          "and the probes of a backend that was down."),
      counted<&P::resets>("sluice_pool_resets_total", with("result"),
                          "Resets of backend connections after they were given back."),
      counted<&P::queries>("sluice_queries_total", with("result"),
                           "Queries answered, by whether the answer was an error."),
      counted<&P::transactions>("sluice_transactions_total", pool, "Transactions ended."),
      counted<&P::client_bytes>("sluice_pool_client_bytes_total", with("direction"),
                                "Bytes received from and sent to the clients of the pool after "
                                "their logins, without TLS."),
      counted<&P::query_timeouts>("sluice_query_timeouts_total", pool,
                                  "Queries that query_timeout cancelled on the server."),
      counted<&P::query_duration>("sluice_query_duration_seconds", pool,
                                  "From a query's last byte to its answer's last byte."),
      counted<&P::transaction_duration>("sluice_transaction_duration_seconds", pool,
                                        "From a transaction's first query to its end."),
      counted<&P::prepared_cache>("sluice_prepared_cache_total", with("result"),
                                  "Uses of a prepared statement, by whether the backend had it "
                                  "already (hit) or it was prepared there first (miss); evicted: "
                                  "those that were closed there because of "
                                  "max_prepared_statements."),
      counted<&P::prepared>("sluice_prepared_statements", with("side"),
                            "Prepared statements now: by names or ids of the clients, and on the "
                            "backend connections, which share them."),
      counted<&P::clients>("sluice_pool_clients", with("state"),
                           "Client connections whose route leads to the pool, as "
                           "sluice_client_connections has them by listener."),
      counted<&P::pinned_sessions>("sluice_pinned_sessions", with("reason"),
                                   "Sessions that keep their backend connection between "
                                   "transactions now; one may have several reasons."),
      counted<&P::pins>("sluice_pins_total", with("reason"),
                        "Times that a session began to keep its backend connection."),
      counted<&P::backend_errors, kBackendKinds>(
          "sluice_backend_errors_total", with("reason"),
          "Failures on the backend's side; errors that answer a query are not among them."),
  };
}

std::vector<Row> client_rows() {
  using L = ListenerInstruments;
  using W = WorkerInstruments;
  const Words listener{"listener"};
  const Words by_reason{"listener", "reason"};
  return {
      counted<&L::connections>("sluice_client_connections", {"listener", "state"},
                               "Client connections: logging in, idle, with a transaction or a "
                               "query (active), waiting for a backend, idle but pinned to one."),
      counted<&L::connections_total>("sluice_client_connections_total", listener,
                                     "Client connections accepted."),
      counted<&L::rejected, kRejectedKinds>("sluice_client_rejected_total", by_reason,
                                            "Client connections turned away, by why."),
      counted<&L::logins, kNone>("sluice_logins_total", {"listener", "method", "result"},
                                 "Logins of clients, by authentication method and result."),
      counted<&L::auth_failures, kLoginKinds>("sluice_auth_failures_total", by_reason,
                                              "Logins of clients that failed, by why."),
      counted<&L::sessions_ended, kLimitKinds>(
          "sluice_sessions_ended_total", by_reason,
          "Client connections that one of the limits ended, by the limit's name, or an operator."),
      counted<&L::login_duration>("sluice_login_duration_seconds", listener,
                                  "From accepting a client connection to the end of its login."),
      counted<&W::bytes>("sluice_bytes_total", {"side", "direction"},
                         "Bytes received from and sent to clients and backends, without TLS."),
      counted<&W::loop_lag>("sluice_loop_lag_seconds", {},
                            "How late a worker came to what was due, measured once a second on "
                            "each: every session of that worker waits so long."),
      counted<&W::cancels>("sluice_cancels_total", {"result"},
                           "Cancel requests of clients, by what became of them."),
  };
}

std::vector<Row> chain_rows() {
  using M = MiddlewareInstruments;
  using R = RouteInstruments;
  using W = WorkerInstruments;
  const Words route{"route"};
  const Words entry{"route", "middleware"};
  const auto with = [](std::string_view label) { return Words{"route", "middleware", label}; };
  return {
      counted<&R::sessions>("sluice_route_sessions_total", route, "Sessions that took the route."),
      counted<&R::read_uncommitted>(
          "sluice_read_uncommitted_sessions_total", route,
          "Sessions at READ UNCOMMITTED, by their route, their pool or their client: they may read "
          "rows that are never committed."),
      counted<&W::fingerprints>(
          "sluice_statement_fingerprints", {},
          "Fingerprints in the tables of statement_statistics; each worker has one."),
      counted<&W::fingerprints_evicted>(
          "sluice_statement_fingerprints_evicted_total", {},
          "Fingerprints that statement_statistics has put together with all others, for lack of "
          "room."),
      counted<&M::verdicts, only(MiddlewareVerdict::allowed, MiddlewareVerdict::refused)>(
          "sluice_middleware_verdicts_total", with("verdict"),
          "What an entry of a chain said of logins and requests; route is empty for the global "
          "chain."),
      counted<&M::refusals, kNone>("sluice_middleware_refusals_total", with("reason"),
                                   "Logins and requests that an entry of a chain refused, by why."),
      counted<&M::delay, kNone>("sluice_middleware_delay_seconds", entry,
                                "How long an entry of a chain let requests wait."),
      counted<&M::reports, kNone>("sluice_middleware_reports_total", entry,
                                  "What n_plus_one, snapshot_age and idle_in_transaction found."),
      counted<&M::ended, kNone>("sluice_middleware_ended_total", entry,
                                "Sessions that an entry of a chain ended."),
      counted<&M::cut, kNone>("sluice_middleware_cut_total", entry,
                              "Results that row_limit or result_limit cut."),
      counted<&M::dropped, kNone>("sluice_middleware_dropped_total", entry,
                                  "Lines that an entry of a chain did not write because its queue "
                                  "was full."),
      counted<&M::lost, kNone>("sluice_middleware_lost_total", entry,
                               "Lines that an entry of a chain could not write."),
  };
}

std::vector<Row> process_rows() {
  constexpr auto kCounter = MetricType::Counter;
  constexpr auto kGauge = MetricType::Gauge;
  return {
      {"sluice_build_info",
       "Always 1; the labels say what runs, and what it was built with.",
       kGauge,
       {"version", "compiler", "boost", "openssl"},
       &collect_build_info},
      {"sluice_workers",
       "Worker threads, by what they wait in (epoll, io_uring).",
       kGauge,
       {"io"},
       &collect_workers},
      process<&seconds_behind>("sluice_loop_behind_seconds", kGauge,
                               "How long the worker that is furthest behind has not come to what "
                               "was due, now; 0 when none is."),
      {"sluice_buffer_bytes",
       "Memory of read buffers, as of a second ago at most: lent to connections whose bytes are on "
       "their way, free (kept for the next).",
       kGauge,
       {"state"},
       &collect_buffers},
      {"sluice_heap_bytes",
       "Memory of the allocator: used, and free (given back to it, and kept).",
       kGauge,
       {"state"},
       &collect_heap},
      process<[](const View& v) { return v.max_client_connections; }>(
          "sluice_client_connections_max", kGauge,
          "limits.max_client_connections: clients beyond it are turned away."),
      process<[](const View& v) { return v.draining; }>(
          "sluice_draining", kGauge, "1 while the process drains before it stops."),
      process<[](const View& v) { return v.reload_successful; }>(
          "sluice_config_last_reload_successful", kGauge,
          "0 when the last reload was refused and the configuration before it is still in use."),
      {"sluice_config_reloads_total",
       "Reloads of the configuration, by what became of them.",
       kCounter,
       {"result"},
       &collect_reloads},
      process<[](const View& v) { return v.reloaded_at; }>(
          "sluice_config_last_reload_success_timestamp_seconds", kGauge,
          "When the configuration in use was loaded, since the epoch."),
      {"sluice_tls_certificate_not_after_timestamp_seconds",
       "When the certificate in the file ends, the first where it holds several, since the epoch.",
       kGauge,
       {"file"},
       &collect_certificates},
      {"sluice_schedule_runs_total",
       "What schedules of the configuration have done to a pool, by what became of it.",
       kCounter,
       {"pool", "action", "result"},
       &collect_schedule_runs},
      {"sluice_schedule_next_run_timestamp_seconds",
       "When one of these schedules comes next, since the epoch.",
       kGauge,
       {"pool", "action"},
       &collect_schedule_next_runs},
      process<[](const View& v) { return v.log_dropped; }>(
          "sluice_log_lines_dropped_total", kCounter,
          "Log lines lost because stderr was read too slowly."),
      process<[](const View& v) { return v.log_suppressed; }>(
          "sluice_log_lines_suppressed_total", kCounter,
          "Log lines left out because the same event had just been logged many times."),
      process<[](const View& v) { return v.process.cpu_seconds; }>(
          "process_cpu_seconds_total", kCounter, "User and system CPU time."),
      process<[](const View& v) { return v.process.resident_bytes; }>(
          "process_resident_memory_bytes", kGauge, "Memory in RAM."),
      process<[](const View& v) { return v.process.virtual_bytes; }>(
          "process_virtual_memory_bytes", kGauge, "Address space in use."),
      process<[](const View& v) { return v.process.open_fds; }>("process_open_fds", kGauge,
                                                                "Open file descriptors."),
      process<[](const View& v) { return v.process.max_fds; }>(
          "process_max_fds", kGauge, "Soft limit of open file descriptors."),
      process<[](const View& v) { return v.process.threads; }>("process_threads", kGauge,
                                                               "Threads."),
      process<[](const View& v) { return v.process.start_time_seconds; }>(
          "process_start_time_seconds", kGauge, "Start of the process, since the epoch."),
  };
}

}  // namespace

std::span<const Row> rows() {
  static const std::vector<Row> all = [] {
    std::vector<Row> joined = sampled_rows();
    for (auto& part : {pool_rows(), client_rows(), chain_rows(), process_rows()}) {
      joined.insert(joined.end(), part.begin(), part.end());
    }
    return joined;
  }();
  return all;
}

std::string document() {
  std::string out =
      "# Metrics\n\n"
      "`GET /metrics` on `admin.http` answers in the Prometheus text format. Counters count from "
      "the start of the\nprocess; all workers are added up. Labels are names from the "
      "configuration or words from fixed lists; of no\nkind are "
      "there more than " +
      std::to_string(kMaxNames) +
      " names: what comes after them is counted together as `other`.\n\n"
      "This file is generated from the table in metrics/table.cpp. Histograms have the buckets\n";
  for (std::size_t at = 0; at < kBounds.size(); ++at) {
    std::string seconds = std::to_string(static_cast<double>(kBounds[at]) / 1e9);
    seconds.erase(seconds.find_last_not_of('0') + 1);
    if (seconds.back() == '.') {
      seconds.pop_back();
    }
    out += seconds + (at + 1 < kBounds.size() ? ", " : " seconds.\n\n");
  }
  out += "| metric | type | labels | meaning |\n|---|---|---|---|\n";
  for (const Row& row : rows()) {
    const bool counter = row.type == MetricType::Counter;
    const bool gauge = row.type == MetricType::Gauge;
    std::string labels;
    for (const std::string_view label : row.labels) {
      labels += (labels.empty() ? "" : ", ") + std::string(label);
    }
    out += "| `" + std::string(row.name) + "` | " +
           (counter ? "counter"
            : gauge ? "gauge"
                    : "histogram") +
           " | " + labels + " | " + std::string(row.help) + " |\n";
  }
  return out;
}

}  // namespace sluice::metrics
