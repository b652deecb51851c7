#include "config/route_checks.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "config/cidr.hpp"
#include "config/kinds.hpp"
#include "config/pattern.hpp"
#include "config/route_fields.hpp"
#include "config/rules.hpp"
#include "config/suggest.hpp"
#include "config/units.hpp"
#include "protocol/sql/plain_sets.hpp"

namespace sluice::config {
namespace {

std::string route_path(std::size_t index) {
  return "routes[" + std::to_string(index) + "]";
}

bool verifies(const Listener& listener) {
  return listener.tls.mode == TlsMode::verify_ca || listener.tls.mode == TlsMode::verify_full;
}

// Null when it is missing, which has been told.
const Pool* check_pool_of(const Config& config, const Route& route, const std::string& path,
                          Report& report) {
  if (route.pool.empty() || report.doubtful("pools")) {
    return nullptr;
  }
  const Pool* pool = config.find_pool(route.pool);
  if (pool == nullptr) {
    if (!report.given("pools." + route.pool)) {
      std::vector<std::string> names;
      for (const Pool& one : config.pools) {
        names.push_back(one.name);
      }
      report.error(path + ".pool",
                   "there is no pool " + quoted(route.pool) + did_you_mean(route.pool, names));
    }
    return nullptr;
  }
  const std::string url = "pools." + pool->name + ".url";
  if (!report.given(url) || report.doubtful(url)) {
    return nullptr;
  }
  if (route.match.protocol && *route.match.protocol != pool->protocol) {
    report.error(path + ".pool", "the pool " + quoted(pool->name) +
                                     " does not speak the protocol of match.protocol");
    return nullptr;
  }
  return pool;
}

// Listeners that can bring a session to the route.
void check_listeners(const Config& config, const Route& route, const Pool& pool, Rules& match) {
  std::vector<std::string> names;
  bool any = false;
  bool verified = false;
  for (const Listener& listener : config.listeners) {
    if (listener.protocol != pool.protocol) {
      continue;
    }
    names.push_back(listener.name);
    if (matches(route.match.listener, listener.name)) {
      any = true;
      verified = verified || verifies(listener);
    }
  }
  match.warn({"listener"}, !any,
             "matches no listener of " + protocols().print(pool.protocol) +
                 ": the route is never taken" + did_you_mean(route.match.listener, names));
  match.warn({"tls_subject", "listener"}, any && !verified,
             "matches no session: no listener of the route verifies client certificates (tls mode "
             "verify-ca or verify-full)");
}

void check_transactions(const Route& route, const Pool& pool, Rules& rules, Report& report) {
  const std::string pool_path = "pools." + pool.name + ".";
  const bool mysql = pool.protocol == Protocol::mysql;
  rules.refuse({"autocommit"}, route.autocommit && !mysql,
               "is an option of MySQL, and the pool speaks PostgreSQL");
  if (!mysql || report.doubtful(pool_path + "autocommit")) {
    return;
  }
  if (route.autocommit) {
    const std::string& level =
        route.isolation_level.empty() ? pool.isolation_level : route.isolation_level;
    rules.refuse({"autocommit", "isolation_level"}, !*route.autocommit && level == "AUTOCOMMIT",
                 "is false, and isolation_level is AUTOCOMMIT");
    rules.refuse({"autocommit"}, !*route.autocommit && pool.pool_mode == PoolMode::statement,
                 "is false, and the pool " + quoted(pool.name) +
                     " refuses transactions of several statements (pool_mode: statement)");
  } else {
    rules.refuse({"isolation_level"},
                 pool.autocommit && !*pool.autocommit && route.isolation_level == "AUTOCOMMIT",
                 "is AUTOCOMMIT, and autocommit of the pool " + quoted(pool.name) + " is false");
  }
}

void check_init_sql(const Route& route, const Pool& pool, Rules& rules) {
  const bool mysql = pool.protocol == Protocol::mysql;
  rules.refuse(
      {"init_sql"},
      !route.init_sql.empty() && !protocol::sql::plain_sets(route.init_sql, {mysql, mysql, false}),
      "must be nothing but `SET name = value` statements with plain values: sessions "
      "carry them from connection to connection; other statements belong into init_sql "
      "of the pool");
}

// A timeout that another one of the route, or of `limits`, always forestalls.
void check_timeouts(const Config& config, const Route& route, Rules rules) {
  const RouteTimeouts& t = route.timeouts;
  const Limits& l = config.limits;
  struct Pair {
    std::string_view name;
    std::optional<milliseconds> value;
    std::string_view other;
    milliseconds bound;
  };
  const milliseconds transaction = t.transaction_timeout.value_or(l.transaction_timeout);
  const std::array<Pair, 3> pairs{
      {{"query_timeout", t.query_timeout, "transaction_timeout", transaction},
       {"idle_transaction_timeout", t.idle_transaction_timeout, "transaction_timeout", transaction},
       {"client_idle_timeout", t.client_idle_timeout, "client_max_lifetime",
        t.client_max_lifetime.value_or(l.client_max_lifetime)}}};
  for (const Pair& pair : pairs) {
    const bool broken = pair.value && pair.bound.count() > 0 && *pair.value > pair.bound;
    rules.refuse(
        {pair.name, pair.other}, broken,
        "is more than " + std::string(pair.other) + (rules.given(pair.other) ? "" : " of limits") +
            ", which always comes first (" + print_duration(pair.value.value_or(milliseconds(0))) +
            " > " + print_duration(pair.bound) + ")");
  }
}

// What it matches is known.
bool is_sure(const std::string& path, const Report& report) {
  return !report.doubtful(path + ".pool") && !report.doubtful_within(path + ".match");
}

// Whatever `narrow` asks for is at least what `wide` asks for.
bool covers_pairs(const TextPairs& wide, const TextPairs& narrow) {
  return std::all_of(wide.begin(), wide.end(), [&](const auto& asked) {
    return std::any_of(narrow.begin(), narrow.end(), [&](const auto& pair) {
      return pair.first == asked.first && covers(asked.second, pair.second);
    });
  });
}

bool covers_networks(const std::vector<std::string>& wide, const std::vector<std::string>& narrow) {
  const auto within = [&](const std::string& text) {
    Cidr inner;
    return parse_cidr(text, inner).empty() &&
           std::any_of(wide.begin(), wide.end(), [&](const std::string& one) {
             Cidr outer;
             return parse_cidr(one, outer).empty() && outer.contains(inner);
           });
  };
  return wide.empty() || (!narrow.empty() && std::all_of(narrow.begin(), narrow.end(), within));
}

void check_reached(const Config& config, std::size_t index, Report& report) {
  const std::string path = route_path(index);
  const Route& route = config.routes[index];
  if (!is_sure(path, report)) {
    return;
  }
  for (std::size_t i = 0; i < index; ++i) {
    const Route& earlier = config.routes[i];
    const std::string other = route_path(i);
    if (is_sure(other, report) && takes_all_of(config, earlier, route)) {
      report.warning(path, "the route " + quoted(route.name) + " is never reached: the route " +
                               quoted(earlier.name) + " in line " +
                               std::to_string(report.where(other).line) +
                               " takes all that it matches first");
      return;
    }
  }
}

}  // namespace

bool takes_all_of(const Config& config, const Route& earlier, const Route& later) {
  const auto protocol = [&config](const Route& route) {
    const Pool* pool = config.find_pool(route.pool);
    return route.match.protocol || pool == nullptr ? route.match.protocol : pool->protocol;
  };
  const Match& wide = earlier.match;
  const Match& narrow = later.match;
  return protocol(earlier) == protocol(later) && covers(wide.listener, narrow.listener) &&
         covers(wide.user, narrow.user) && covers(wide.database, narrow.database) &&
         covers(wide.application_name, narrow.application_name) &&
         covers(wide.tls_subject, narrow.tls_subject) &&
         covers_pairs(wide.attributes, narrow.attributes) &&
         covers_pairs(wide.claims, narrow.claims) && covers_networks(wide.address, narrow.address);
}

void check_routes(const Config& config, Report& report) {
  constexpr std::size_t kMostRoutes = 1000;
  for (std::size_t i = 0; i < config.routes.size() && !report.full(); ++i) {
    const std::string path = route_path(i);
    const Route& route = config.routes[i];
    Rules rules(path, report);
    if (const Pool* pool = check_pool_of(config, route, path, report)) {
      Rules match(path + ".match", report);
      check_listeners(config, route, *pool, match);
      check_transactions(route, *pool, rules, report);
      check_init_sql(route, *pool, rules);
      Rules(path + ".on_refuse", report)
          .warn({"errno"},
                route.on_refuse.mysql_errno != 0 && pool->protocol == Protocol::postgresql,
                "has no effect: it is for clients of MySQL, and the pool speaks PostgreSQL");
    }
    check_timeouts(config, route, Rules(path + ".timeouts", report));
    if (i < kMostRoutes) {
      check_reached(config, i, report);
    }
  }
}

}  // namespace sluice::config
