// SHOW POOLS, DATABASES, USERS, LISTS, STATE, MEM, VERSION and what sluice has none of, with
// PgBouncer's columns. PgBouncer's database is a pool of ours, by its name; the pools that one name
// has for several databases of the same user are one line.

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "metrics/process.hpp"
#include "proxy/console/topics.hpp"
#include "proxy/console/views.hpp"

namespace sluice::proxy::console {
namespace {

using protocol::Row;
using protocol::Table;

// What the pools of one line have together.
struct PoolSum {
  std::size_t clients = 0;  // that do not wait
  std::size_t waiting = 0;
  std::size_t used = 0;
  std::size_t idle = 0;
  std::size_t connecting = 0;
  std::size_t closing = 0;
  op::Duration oldest_wait{0};
  config::PoolMode mode{};
  bool paused = false;
  bool disabled = false;

  void add(const op::PoolView& pool) {
    clients += pool.clients_idle + pool.clients_active + pool.clients_pinned;
    waiting += pool.clients_waiting;
    used += pool.used;
    idle += pool.idle;
    connecting += pool.connecting;
    closing += pool.closing;
    oldest_wait = std::max(oldest_wait, pool.oldest_wait);
    mode = pool.mode;
    paused = paused || pool.paused;
    disabled = disabled || pool.disabled;
  }
  std::size_t connections() const { return used + idle + connecting + closing; }
};

template <typename Key>
std::map<std::string, PoolSum> sums(const std::vector<op::PoolView>& pools, Key key) {
  std::map<std::string, PoolSum> all;
  for (const op::PoolView& pool : pools) {
    all[key(pool)].add(pool);
  }
  return all;
}

// Of its connections; without a bound: of those that it keeps.
std::size_t bound_of(const op::PoolView& pool) {
  return pool.pool_size + static_cast<std::size_t>(std::max(pool.max_overflow, 0));
}

std::size_t left_of(std::size_t bound, std::size_t used) {
  return bound > used ? bound - used : 0;
}

std::map<std::string, PoolSum> sums_by_name(op::Operator& house) {
  return sums(house.pools(), [](const op::PoolView& pool) { return pool.name; });
}

Row database_row(const config::Pool& pool, const PoolSum& sum) {
  const config::Address& address = pool.addresses.front();
  const auto recycle = std::max<std::int64_t>(0, pool.pool_recycle.count() / 1000);
  const protocol::Value none;
  return {pool.name,
          address.unix_path.empty() ? address.host : address.unix_path,
          std::int64_t{address.port},
          pool.database,
          pool.user.empty() ? none : protocol::Value(pool.user),
          small(pool.pool_size),
          small(pool.min_idle),
          std::int64_t{pool.max_overflow},
          small(static_cast<std::uint64_t>(recycle)),
          std::string(mode_word(pool.pool_mode)),
          none,
          small(pool.max_db_connections),
          small(sum.connections()),
          std::int64_t{0},
          small(sum.clients + sum.waiting),
          std::int64_t{sum.paused},
          std::int64_t{sum.disabled},
          std::int64_t{pool.max_overflow}};
}

}  // namespace

Table show_pools(op::Operator& house) {
  Table table = protocol::make_table(
      "database user cl_active:i cl_waiting:i cl_active_cancel_req:i cl_waiting_cancel_req:i "
      "sv_active:i sv_active_cancel:i sv_being_canceled:i sv_idle:i sv_used:i sv_tested:i "
      "sv_login:i maxwait:i maxwait_us:i pool_mode load_balance_hosts");
  std::map<std::pair<std::string, std::string>, PoolSum> lines;
  for (const op::PoolView& pool : house.pools()) {
    lines[{pool.name, pool.user}].add(pool);
  }
  const std::int64_t none = 0;
  for (const auto& [name, sum] : lines) {
    const std::int64_t wait = microseconds(sum.oldest_wait);
    table.rows.push_back({name.first, name.second, small(sum.clients), small(sum.waiting), none,
                          none, small(sum.used), none, none, small(sum.idle), none, none,
                          small(sum.connecting), wait / 1000000, wait % 1000000,
                          std::string(mode_word(sum.mode)), protocol::Value()});
  }
  return table;
}

// Behind PgBouncer's columns: reserve_pool, which reserve_pool_size was called before 1.24 and
// older exporters read.
Table show_databases(op::Operator& house) {
  Table table = protocol::make_table(
      "name host port:i database force_user pool_size:i min_pool_size:i reserve_pool_size:i "
      "server_lifetime:i pool_mode load_balance_hosts max_connections:i current_connections:i "
      "max_client_connections:i current_client_connections:i paused:i disabled:i reserve_pool:i");
  const auto config = house.config();
  auto lines = sums_by_name(house);
  for (const config::Pool& pool : config->pools) {
    table.rows.push_back(database_row(pool, lines[pool.name]));
  }
  return table;
}

Table show_users(op::Operator& house) {
  Table table = protocol::make_table(
      "name pool_size reserve_pool_size pool_mode max_user_connections:i current_connections:i "
      "max_user_client_connections:i current_client_connections:i");
  const auto config = house.config();
  std::map<std::string, std::pair<std::size_t, std::size_t>> users;  // connections, sessions
  for (const config::User& user : config->users) {
    users[user.name];
  }
  for (const op::BackendView& backend : house.backends()) {
    ++users[backend.user].first;
  }
  for (const op::SessionView& session : house.sessions()) {
    if (!session.user.empty()) {
      ++users[session.user].second;
    }
  }
  for (const auto& [name, counts] : users) {
    table.rows.push_back({name, std::string(), std::string(), protocol::Value(), std::int64_t{0},
                          small(counts.first), std::int64_t{0}, small(counts.second)});
  }
  return table;
}

// Used: clients and connections that there are. Free: how many more there may be, as far as there
// is a bound.
Table show_lists(op::Operator& house) {
  Table table = protocol::make_table("list items:i");
  const auto config = house.config();
  const op::StatusView status = house.status();
  const std::size_t free_clients = left_of(status.max_client_connections, status.clients);
  std::size_t logins = 0;
  for (const op::SessionView& session : house.sessions()) {
    logins += session.state == metrics::ClientState::login ? 1 : 0;
  }
  std::size_t connections = 0;
  std::size_t places = 0;
  std::set<std::pair<std::string, std::string>> pools;
  for (const op::PoolView& pool : house.pools()) {
    PoolSum sum;
    sum.add(pool);
    connections += sum.connections();
    places += left_of(bound_of(pool), sum.connections());
    pools.insert({pool.name, pool.user});
  }
  const std::pair<const char*, std::size_t> lines[] = {{"databases", config->pools.size()},
                                                       {"users", config->users.size()},
                                                       {"peers", 0},
                                                       {"pools", pools.size()},
                                                       {"peer_pools", 0},
                                                       {"free_clients", free_clients},
                                                       {"used_clients", status.clients},
                                                       {"login_clients", logins},
                                                       {"free_servers", places},
                                                       {"used_servers", connections},
                                                       {"dns_names", 0},
                                                       {"dns_zones", 0},
                                                       {"dns_queries", 0},
                                                       {"dns_pending", 0}};
  for (const auto& [name, count] : lines) {
    table.rows.push_back({std::string(name), small(count)});
  }
  return table;
}

// Nothing is ever suspended. draining and ready are ours.
Table show_state(op::Operator& house) {
  const op::StatusView status = house.status();
  const auto pools = sums_by_name(house);
  const bool paused = !pools.empty() && std::all_of(pools.begin(), pools.end(),
                                                    [](const auto& p) { return p.second.paused; });
  const auto word = [](bool is) { return std::string(is ? "yes" : "no"); };
  Table table = protocol::make_table("key value");
  table.rows = {{std::string("active"), word(!paused && !status.draining)},
                {std::string("paused"), word(paused)},
                {std::string("suspended"), word(false)},
                {std::string("draining"), word(status.draining)},
                {std::string("ready"), word(status.ready)}};
  return table;
}

// How many there are; their sizes are not kept apart. The last line is the whole process.
Table show_mem(op::Operator& house) {
  Table table = protocol::make_table("name size:i used:i free:i memtotal:l");
  const auto config = house.config();
  const std::int64_t none = 0;
  const std::pair<const char*, std::size_t> lines[] = {{"user_cache", config->users.size()},
                                                       {"db_cache", config->pools.size()},
                                                       {"pool_cache", house.pools().size()},
                                                       {"server_cache", house.backends().size()},
                                                       {"client_cache", house.sessions().size()}};
  for (const auto& [name, count] : lines) {
    table.rows.push_back({std::string(name), none, small(count), none, none});
  }
  const metrics::ProcessSample process = metrics::sample_process();
  table.rows.push_back(
      {std::string("process"), none, std::int64_t{1}, none, wide(process.resident_bytes)});
  return table;
}

Table show_version(op::Operator& house) {
  Table table = protocol::make_table("version");
  table.rows.push_back({"PgBouncer " + std::string(kPgbouncerVersion) + " (console of sluice " +
                        house.status().version + ")"});
  return table;
}

Table show_dns_hosts(op::Operator& /*house*/) {
  return protocol::make_table("hostname ttl:l addrs");
}

Table show_dns_zones(op::Operator& /*house*/) {
  return protocol::make_table("zonename serial:l count:i");
}

Table show_peers(op::Operator& /*house*/) {
  return protocol::make_table("peer_id:i host port:i pool_size:i");
}

Table show_peer_pools(op::Operator& /*house*/) {
  return protocol::make_table(
      "peer_id:i cl_active_cancel_req:i cl_waiting_cancel_req:i sv_active_cancel:i sv_login:i");
}

Table show_fds(op::Operator& /*house*/) {
  return protocol::make_table(
      "fd:i task user database addr port:i cancel:l link:i client_encoding std_strings datestyle "
      "timezone password scram_client_key scram_server_key");
}

}  // namespace sluice::proxy::console
