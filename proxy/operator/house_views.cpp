// What the operator sees.

#include <algorithm>
#include <chrono>
#include <map>
#include <tuple>
#include <utility>

#include "config/describe.hpp"
#include "config/middleware_table.hpp"
#include "metrics/log.hpp"
#include "proxy/address.hpp"
#include "proxy/backend.hpp"
#include "proxy/operator/ask.hpp"
#include "proxy/operator/house.hpp"
#include "proxy/session.hpp"

namespace sluice::proxy::op {
namespace {

using metrics::ClientState;

WallTime wall_time_of(Duration age) {
  return std::chrono::system_clock::now() - std::chrono::duration_cast<WallTime::duration>(age);
}

void take_from(const config::Pool& pool, PoolView& view) {
  view.name = pool.name;
  view.protocol = to_protocol(pool.protocol);
  for (const config::Address& address : pool.addresses) {
    view.addresses.push_back(to_string(address));
  }
  view.mode = pool.pool_mode;
  view.pool_size = pool.pool_size;
  view.max_overflow = pool.max_overflow;
  view.min_idle = pool.min_idle;
  view.max_db_connections = pool.max_db_connections;
  view.max_user_connections = pool.max_user_connections;
}

// One that nobody has asked for yet.
PoolView unmade(const config::Pool& pool) {
  PoolView view;
  take_from(pool, view);
  view.made = false;
  view.user = pool.user;
  view.database = pool.database;
  return view;
}

PoolView view_of(const BackendPool& pool, TimePoint now) {
  PoolView view;
  take_from(*pool.config(), view);
  view.user = pool.user();
  view.database = pool.database();
  const pool::Snapshot snapshot = pool.slots.snapshot(now);
  view.idle = snapshot.idle;
  view.used = snapshot.in_use;
  view.connecting = snapshot.opening;
  view.closing = snapshot.closing;
  view.waiting = snapshot.waiting;
  view.oldest_wait = snapshot.oldest_wait;
  view.failures = snapshot.failures;
  view.retry_in = snapshot.retry_in;
  view.up = pool.up();
  if (const auto failure = pool.last_failure()) {
    view.last_error = failure->text;
  }
  return view;
}

void add_client(ClientState state, PoolView& view) {
  switch (state) {
    case ClientState::idle:
      ++view.clients_idle;
      break;
    case ClientState::active:
      ++view.clients_active;
      break;
    case ClientState::waiting:
      ++view.clients_waiting;
      break;
    case ClientState::pinned:
      ++view.clients_pinned;
      break;
    default:
      break;  // it logs in
  }
}

// Where a pool stands in the file; what is in it no more comes last.
std::size_t place_of(const config::Config& config, const std::string& pool) {
  const auto found = std::find_if(config.pools.begin(), config.pools.end(),
                                  [&](const config::Pool& one) { return one.name == pool; });
  return static_cast<std::size_t>(found - config.pools.begin());
}

BackendView view_of(Backend& backend) {
  const TimePoint now = backend.home().loop.now();
  const protocol::BackendLogin& login = backend.link().login();
  BackendView view;
  view.id = backend.id();
  view.pool = backend.pool().name();
  view.protocol = backend.pool().dialect().protocol();
  view.user = backend.pool().user();
  view.database = backend.pool().database();
  view.address = to_string(backend.endpoint().address);
  view.worker = backend.home().index;
  if (const Holder* holder = backend.holder(); holder != nullptr) {
    view.state = BackendState::used;
    view.session = holder->session_id();
  } else {
    view.state = backend.idle() ? BackendState::idle : BackendState::errand;
  }
  view.server_id = login.process_id;
  view.server_version = login.server_version;
  view.tls = login.tls;
  view.age = now - backend.connected_at();
  view.connected_at = wall_time_of(view.age);
  view.state_age = now - backend.changed_at();
  return view;
}

// user=app_* attributes.team=shop
std::string in_words(const config::Match& match) {
  std::string text;
  const auto add = [&text](const std::string& name, std::string_view value) {
    if (!value.empty()) {
      text.append(text.empty() ? "" : " ").append(name).append("=").append(value);
    }
  };
  if (match.protocol) {
    add("protocol", protocol::dialect(to_protocol(*match.protocol)).name());
  }
  add("listener", match.listener);
  add("user", match.user);
  add("database", match.database);
  add("application_name", match.application_name);
  for (const auto& [name, pattern] : match.attributes) {
    add("attributes." + name, pattern);
  }
  for (const std::string& block : match.address) {
    add("address", block);
  }
  add("tls_subject", match.tls_subject);
  for (const auto& [name, pattern] : match.claims) {
    add("claims." + name, pattern);
  }
  return text.empty() ? "all" : text;
}

RouteView view_of(const Policy::Route& route, const std::vector<config::Middleware>& global) {
  RouteView view;
  view.name = route.config.name;
  view.tags = route.config.tags;
  view.pool = route.pool.name;
  view.match = in_words(route.config.match);
  view.isolation_level = route.defaults->isolation_level;
  view.read_only = route.defaults->read_only;
  for (const auto* chain : {&global, &route.config.middleware}) {
    for (const config::Middleware& entry : *chain) {
      view.middleware.emplace_back(config::name_of(entry.options));
    }
  }
  for (const auto& instruments : route.instruments) {
    view.sessions += instruments->sessions.value();
  }
  return view;
}

}  // namespace

StatusView House::status() {
  const auto config = server_.config();
  StatusView view;
  view.version = about_.version;
  view.config_file = about_.config_file;
  view.io = about_.io;
  view.started_at = started_at_;
  view.uptime = Clock::now() - started_;
  view.workers = server_.worker_count();
  view.clients = server_.clients();
  view.max_client_connections = config->limits.max_client_connections;
  view.ready = ready_ != nullptr ? ready_() : server_.ready();
  view.draining = server_.draining();
  view.log_level = metrics::log::level_name(metrics::log::level_now.load());
  const std::lock_guard lock(mutex_);
  view.reload_ok = reload_.ok;
  view.reloaded_at = reload_.at;
  view.reloads = reload_.count;
  view.reload_error = reload_.error;
  view.needs_restart = reload_.needs_restart;
  return view;
}

std::vector<PoolView> House::pools() {
  const auto config = server_.config();
  const std::vector<BackendPoolPtr> made = server_.pools().all();
  std::map<const BackendPool*, PoolView> views;
  const TimePoint now = Clock::now();
  for (const BackendPoolPtr& pool : made) {
    views.emplace(pool.get(), view_of(*pool, now));
  }
  using Client = std::pair<const BackendPool*, ClientState>;
  const auto look = [](Session& session, std::vector<Client>& found) {
    if (session.pool() != nullptr) {
      found.emplace_back(session.pool(), session.state());
    }
  };
  for (const auto& [pool, state] : ask_workers<Client, Session>(server_, &Worker::sessions, look)) {
    if (const auto at = views.find(pool); at != views.end()) {
      add_client(state, at->second);
    }
  }
  std::vector<PoolView> all;
  for (auto& [pool, view] : views) {
    all.push_back(std::move(view));
  }
  for (const config::Pool& pool : config->pools) {
    if (std::none_of(made.begin(), made.end(),
                     [&](const auto& one) { return one->name() == pool.name; })) {
      all.push_back(unmade(pool));
    }
  }
  for (PoolView& view : all) {
    view.paused = server_.pools().paused(view.name);
    view.disabled = server_.pools().disabled(view.name);
  }
  std::sort(all.begin(), all.end(), [&](const PoolView& a, const PoolView& b) {
    const std::size_t place_a = place_of(*config, a.name);
    const std::size_t place_b = place_of(*config, b.name);
    return std::tie(place_a, a.name, a.user, a.database) <
           std::tie(place_b, b.name, b.user, b.database);
  });
  return all;
}

std::vector<SessionView> House::sessions() {
  auto all = ask_workers<SessionView, Session>(
      server_, &Worker::sessions,
      [](Session& session, std::vector<SessionView>& found) { found.push_back(session.view()); });
  std::sort(all.begin(), all.end(), [](const SessionView& a, const SessionView& b) {
    return std::tie(a.connected_at, a.id) < std::tie(b.connected_at, b.id);
  });
  return all;
}

std::vector<BackendView> House::backends() {
  auto all = ask_workers<BackendView, Backend>(
      server_, &Worker::backends, [](Backend& backend, std::vector<BackendView>& found) {
        if (!backend.dead()) {
          found.push_back(view_of(backend));
        }
      });
  std::sort(all.begin(), all.end(),
            [](const BackendView& a, const BackendView& b) { return a.id < b.id; });
  return all;
}

std::vector<RouteView> House::routes() {
  std::vector<RouteView> all;
  if (const PolicyPtr policy = server_.policy(); policy != nullptr) {
    for (const auto& route : policy->routes()) {
      all.push_back(view_of(*route, policy->config().middleware));
    }
  }
  return all;
}

std::vector<ScheduleView> House::schedules() {
  return schedules_ != nullptr ? schedules_() : std::vector<ScheduleView>();
}

std::vector<PoolTotals> House::totals() {
  std::vector<PoolTotals> all;
  for (metrics::PoolSums& sum : registry_.pool_sums()) {
    PoolTotals& totals = all.emplace_back();
    totals.pool = std::move(sum.pool);
    totals.transactions = sum.transactions;
    totals.queries = sum.queries;
    totals.query_errors = sum.query_errors;
    totals.bytes_from_clients = sum.bytes_received;
    totals.bytes_to_clients = sum.bytes_sent;
    totals.acquires = sum.acquires;
    totals.connections_opened = sum.connections_opened;
    totals.transaction_time = sum.transaction_time;
    totals.query_time = sum.query_time;
    totals.wait_time = sum.wait_time;
  }
  return all;
}

std::vector<FingerprintView> House::fingerprints() {
  return fingerprints_ != nullptr ? fingerprints_() : std::vector<FingerprintView>();
}

std::string House::effective_config() {
  return config::describe(*server_.config());
}

}  // namespace sluice::proxy::op
