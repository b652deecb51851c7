#include "config/consistency.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "config/cidr.hpp"
#include "config/middleware_checks.hpp"
#include "config/route_checks.hpp"
#include "config/rules.hpp"
#include "config/schedule/checks.hpp"
#include "config/units.hpp"

namespace sluice::config {
namespace {

bool is_on(milliseconds span) {
  return span.count() > 0;
}

std::string more(std::size_t left, std::size_t right) {
  return " (" + std::to_string(left) + " > " + std::to_string(right) + ")";
}

std::string beside(milliseconds left, std::string_view relation, milliseconds right) {
  return " (" + print_duration(left) + " " + std::string(relation) + " " + print_duration(right) +
         ")";
}

void check_sizes(const Pool& p, Rules& rules) {
  rules.refuse({"min_idle", "pool_size"}, p.min_idle > p.pool_size,
               "is more than pool_size" + more(p.min_idle, p.pool_size));
  rules.refuse({"overflow_delay", "max_overflow"}, is_on(p.overflow_delay) && p.max_overflow == 0,
               "has nothing to delay: max_overflow is 0");
  rules.refuse({"overflow_delay", "pool_timeout"},
               is_on(p.overflow_delay) && p.overflow_delay >= p.pool_timeout,
               "must be less than pool_timeout, or no client waits so long" +
                   beside(p.overflow_delay, ">=", p.pool_timeout));
  rules.warn({"max_waiting", "pool_timeout"}, p.max_waiting > 0 && !is_on(p.pool_timeout),
             "has no effect: nobody waits, since pool_timeout is 0s");
}

struct Cap {
  std::string_view name;
  std::size_t value;
  std::string_view part;  // of the url
  bool named;             // that part is in the url
};

void check_cap(const Pool& p, const Cap& cap, Rules& rules) {
  if (cap.value == 0) {
    return;
  }
  const std::string part(cap.part);
  rules.refuse({cap.name, "url"}, cap.named && rules.given("url"),
               "is for a url that names no " + part +
                   "; this one does, so that pool_size and max_overflow are its bound");
  rules.refuse({"min_idle", cap.name}, p.min_idle > cap.value,
               "is more than " + std::string(cap.name) + more(p.min_idle, cap.value));
  rules.warn({cap.name, "pool_size"}, !cap.named && cap.value < p.pool_size,
             "is less than pool_size, which can never be reached" + more(p.pool_size, cap.value));
}

void check_ages(const Pool& p, Rules& rules) {
  const bool recycles = is_on(p.pool_recycle);
  rules.warn(
      {"idle_timeout", "pool_recycle"},
      is_on(p.idle_timeout) && recycles && p.idle_timeout >= p.pool_recycle,
      "has no effect: pool_recycle comes first" + beside(p.idle_timeout, ">=", p.pool_recycle));
  rules.warn(
      {"keepalive_time", "pool_recycle"},
      is_on(p.keepalive_time) && recycles && p.keepalive_time >= p.pool_recycle,
      "has no effect: pool_recycle comes first" + beside(p.keepalive_time, ">=", p.pool_recycle));
  rules.warn({"keepalive_time", "idle_timeout", "min_idle"},
             is_on(p.keepalive_time) && is_on(p.idle_timeout) && p.min_idle == 0 &&
                 p.keepalive_time >= p.idle_timeout,
             "has no effect: idle_timeout comes first, and min_idle keeps none" +
                 beside(p.keepalive_time, ">=", p.idle_timeout));
  rules.warn({"pool_pre_ping_idle", "pool_pre_ping"}, !p.pool_pre_ping,
             "has no effect: pool_pre_ping is false");
  rules.warn({"connect_args.connect_timeout", "pool_timeout"},
             is_on(p.pool_timeout) && p.connect_timeout > p.pool_timeout,
             "is more than pool_timeout, so that a client gives up first" +
                 beside(p.connect_timeout, ">", p.pool_timeout));
}

void check_transactions(const Pool& p, Rules& rules) {
  rules.refuse({"autocommit", "url"},
               p.autocommit && rules.given("url") && p.protocol == Protocol::postgresql,
               "is an option of MySQL, and the url names PostgreSQL");
  const bool off = p.autocommit && !*p.autocommit && p.protocol == Protocol::mysql;
  rules.refuse({"isolation_level", "autocommit", "url"}, off && p.isolation_level == "AUTOCOMMIT",
               "is AUTOCOMMIT, and autocommit is false");
  const bool statement = p.pool_mode == PoolMode::statement;
  rules.refuse({"pool_mode", "autocommit", "url"}, off && statement,
               "statement refuses transactions of several statements, and with autocommit false "
               "every statement begins one");
  rules.warn({"pool_reset_on_return", "pool_mode"},
             statement && p.pool_reset_on_return == ResetOnReturn::commit,
             "commit has no effect: in pool_mode statement there is never a transaction to commit");
}

void check_limits(const Limits& l, Rules rules) {
  struct Pair {
    std::string_view name;
    milliseconds value;
    std::string_view other;
    milliseconds bound;
  };
  const std::initializer_list<Pair> pairs{
      {"query_timeout", l.query_timeout, "transaction_timeout", l.transaction_timeout},
      {"idle_transaction_timeout", l.idle_transaction_timeout, "transaction_timeout",
       l.transaction_timeout},
      {"client_idle_timeout", l.client_idle_timeout, "client_max_lifetime", l.client_max_lifetime}};
  for (const Pair& pair : pairs) {
    rules.refuse({pair.name, pair.other}, is_on(pair.bound) && pair.value > pair.bound,
                 "is more than " + std::string(pair.other) + ", which always comes first" +
                     beside(pair.value, ">", pair.bound));
  }
}

bool is_loopback(const std::string& host) {
  Cidr v4;
  Cidr v6;
  parse_cidr("127.0.0.0/8", v4);
  parse_cidr("::1", v6);
  const auto ip = parse_ip(host);
  return ip ? v4.contains(*ip) || v6.contains(*ip) : host == "localhost";
}

void check_admin_passwords(const Config& config, Rules rules) {
  const auto admin = std::find_if(config.users.begin(), config.users.end(),
                                  [](const User& user) { return user.admin != AdminRight::none; });
  const bool open = config.admin.http && config.admin.http->unix_path.empty() &&
                    !is_loopback(config.admin.http->host);
  rules.warn({"http", "tls.mode"},
             open && config.admin.tls.mode == TlsMode::disable && admin != config.users.end(),
             "is reached from other machines without TLS, so that passwords of users with `admin` "
             "cross the network as they are; give admin.tls, or bind a loopback address");
}

}  // namespace

void check_consistency(const Config& config, Report& report) {
  for (const Pool& pool : config.pools) {
    Rules rules("pools." + pool.name, report);
    check_sizes(pool, rules);
    check_cap(pool, {"max_db_connections", pool.max_db_connections, "user", !pool.user.empty()},
              rules);
    check_cap(
        pool,
        {"max_user_connections", pool.max_user_connections, "database", !pool.database.empty()},
        rules);
    check_ages(pool, rules);
    check_transactions(pool, rules);
  }
  check_routes(config, report);
  check_chains(config, report);
  check_schedules(config, report);
  check_limits(config.limits, Rules("limits", report));
  check_admin_passwords(config, Rules("admin", report));
}

}  // namespace sluice::config
