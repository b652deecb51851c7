// What chains of middleware need of the rest of the configuration, and of one another.

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/kinds.hpp"
#include "config/middleware_checks.hpp"
#include "config/middleware_table.hpp"
#include "config/route_fields.hpp"
#include "config/rules.hpp"
#include "config/suggest.hpp"
#include "config/units.hpp"

namespace sluice::config {
namespace {

using Chain = std::vector<Middleware>;

// A chain, and where it stands: "middleware" or "routes[2].middleware".
struct Placed {
  const Chain& chain;
  std::string path;

  std::string at(std::size_t index) const {
    return path + "[" + std::to_string(index) + "]." + std::string(name_of(chain[index].options));
  }
};

std::string in_line(const Middleware& one) {
  return "in line " + std::to_string(one.mark.line);
}

template <typename T>
bool has(const Chain& chain) {
  return std::any_of(chain.begin(), chain.end(),
                     [](const Middleware& one) { return std::holds_alternative<T>(one.options); });
}

// What the sessions of a chain speak: of the global one, whatever a route's pool speaks.
struct Speaks {
  bool postgresql = false;
  bool mysql = false;
  std::string route_of_postgresql;
  std::string route_of_mysql;

  void add(const Config& config, const Route& route) {
    const Pool* pool = config.find_pool(route.pool);
    if (pool == nullptr) {
      return;
    }
    const bool is_mysql = pool->protocol == Protocol::mysql;
    (is_mysql ? mysql : postgresql) = true;
    (is_mysql ? route_of_mysql : route_of_postgresql) = route.name;
  }
  const std::string& route_of(Protocol protocol) const {
    return protocol == Protocol::mysql ? route_of_mysql : route_of_postgresql;
  }
};

class ChainCheck {
 public:
  ChainCheck(const Config& config, Report& report) : config_(config), report_(report) {}

  void check(const Placed& placed, const Speaks& speaks) {
    for (std::size_t i = 0; i < placed.chain.size() && !report_.full(); ++i) {
      const std::string path = placed.at(i);
      const MiddlewareOptions& options = placed.chain[i].options;
      if (const auto* rules = std::get_if<StatementRules>(&options)) {
        check_pools(*rules, path, speaks);
      } else if (const auto* settings = std::get_if<SessionSettings>(&options)) {
        for (const auto& [name, value] : settings->values) {
          check_setting(name, std::string(path).append(".").append(name), speaks);
        }
      } else if (const auto* token = std::get_if<RequireToken>(&options)) {
        for (const auto& [claim, name] : token->expose) {
          check_setting(name, std::string(path).append(".expose.").append(claim), speaks);
        }
      } else if (const auto* audit = std::get_if<Audit>(&options)) {
        check_file(*audit, placed.chain[i], path);
      }
      for (std::size_t j = 0; j < i; ++j) {
        check_twice(placed.chain[j], placed.chain[i], path);
      }
    }
  }

  // One that does nothing beside one of the same kind that comes before it.
  void check_twice(const Middleware& before, const Middleware& after, const std::string& path) {
    if (before.options.index() != after.options.index()) {
      return;
    }
    const std::string first = " comes before it, " + in_line(before);
    const auto shortest = [&](auto mine, auto other, const std::string& what) {
      if (mine >= other) {
        report_.warning(path, "has no effect: one with a " + what + " that is not longer" + first);
      }
    };
    if (std::holds_alternative<StatementStatistics>(after.options)) {
      report_.error(path, "would count each statement twice: another one" + first);
    } else if (std::holds_alternative<ReadOnly>(after.options) ||
               std::holds_alternative<NPlusOne>(after.options) ||
               std::holds_alternative<SnapshotAge>(after.options) ||
               std::holds_alternative<IdleInTransaction>(after.options)) {
      report_.warning(path, "does its work twice: another one" + first);
    } else if (const auto* timeout = std::get_if<StatementTimeout>(&after.options)) {
      shortest(timeout->limit, std::get<StatementTimeout>(before.options).limit, "limit");
    } else if (const auto* rows = std::get_if<RowLimit>(&after.options)) {
      shortest(rows->rows, std::get<RowLimit>(before.options).rows, "limit");
    } else if (const auto* bytes = std::get_if<ResultLimit>(&after.options)) {
      shortest(bytes->bytes, std::get<ResultLimit>(before.options).bytes, "limit");
    }
  }

 private:
  void check_pools(const StatementRules& rules, const std::string& path, const Speaks& speaks) {
    for (std::size_t i = 0; i < rules.rules.size(); ++i) {
      const std::string& name = rules.rules[i].pool;
      const std::string at = path + "[" + std::to_string(i) + "].pool";
      if (name.empty() || report_.doubtful(at) || report_.doubtful("pools")) {
        continue;
      }
      const Pool* pool = config_.find_pool(name);
      if (pool == nullptr) {
        if (!report_.given("pools." + name)) {
          std::vector<std::string> names;
          for (const Pool& one : config_.pools) {
            names.push_back(one.name);
          }
          report_.error(at, "there is no pool " + quoted(name) + did_you_mean(name, names));
        }
        continue;
      }
      const Protocol other =
          pool->protocol == Protocol::mysql ? Protocol::postgresql : Protocol::mysql;
      if (!report_.doubtful("pools." + name + ".url") && !speaks.route_of(other).empty()) {
        report_.error(
            at, "the pool " + quoted(name) + " speaks " + protocols().print(pool->protocol) +
                    ", and the clients of the route " + quoted(speaks.route_of(other)) + " do not");
      }
    }
  }

  void check_setting(const std::string& name, const std::string& at, const Speaks& speaks) {
    if (name.empty() || report_.doubtful(at)) {
      return;
    }
    if (name.starts_with('@') && !speaks.mysql) {
      report_.warning(at, quoted(name) +
                              " has no effect: it is a user variable of MySQL, and no "
                              "route of the chain has clients of MySQL");
    }
  }

  // Entries of one file share who writes it, as the first has made it.
  void check_file(const Audit& audit, const Middleware& entry, const std::string& path) {
    if (audit.file.empty() || report_.doubtful(path + ".file")) {
      return;
    }
    const auto [first, fresh] = files_.emplace(audit.file, &entry);
    const Audit& other = std::get<Audit>(first->second->options);
    const bool same =
        audit.max_size == other.max_size && audit.keep == other.keep && audit.queue == other.queue;
    if (!fresh && !same) {
      report_.warning(path, "max_size, keep and queue of the audit " + in_line(*first->second) +
                                " hold, which has the same file");
    }
  }

  const Config& config_;
  Report& report_;
  std::map<std::string, const Middleware*> files_;
};

bool may_refuse(const Chain& chain) {
  return has<AddressRules>(chain) || has<ConnectionLimit>(chain) || has<RateLimit>(chain) ||
         has<ReadOnly>(chain) || has<RequireToken>(chain) || has<StatementRules>(chain);
}

// What a route says for its chain, or asks of the global one.
void check_route(const Config& config, const Route& route, Rules rules, bool sure) {
  const Chain& global = config.middleware;
  const bool read_only = has<ReadOnly>(global) || has<ReadOnly>(route.middleware);
  rules.refuse({"match.claims"}, sure && !route.match.claims.empty() && !has<RequireToken>(global),
               "can never match: claims are those of a require_token in the global chain "
               "(middleware:), and there is none");
  rules.warn({"read_only"}, route.read_only && !*route.read_only && read_only,
             "has no effect: the middleware read_only makes transactions read only");
  const OnRefuse& words = route.on_refuse;
  const bool worded = !words.message.empty() || !words.sqlstate.empty() || words.mysql_errno != 0;
  rules.warn({"on_refuse"}, worded && sure && !may_refuse(global) && !may_refuse(route.middleware),
             "has no effect: no middleware of its chain refuses anything");
}

}  // namespace

void check_chains(const Config& config, Report& report) {
  ChainCheck checks(config, report);
  const bool global_sure = !report.doubtful("middleware");
  Speaks all;
  for (const Route& route : config.routes) {
    all.add(config, route);
  }
  const Placed global{config.middleware, "middleware"};
  if (global_sure) {
    checks.check(global, all);
  }
  for (std::size_t i = 0; i < config.routes.size() && !report.full(); ++i) {
    const Route& route = config.routes[i];
    const std::string path = "routes[" + std::to_string(i) + "]";
    const Placed placed{route.middleware, path + ".middleware"};
    const bool sure = !report.doubtful(placed.path);
    check_route(config, route, Rules(path, report), sure && global_sure);
    if (!sure) {
      continue;
    }
    Speaks own;
    own.add(config, route);
    checks.check(placed, own);
    for (std::size_t j = 0; j < route.middleware.size() && global_sure; ++j) {
      for (const Middleware& before : config.middleware) {
        checks.check_twice(before, route.middleware[j], placed.at(j));
      }
    }
  }
}

}  // namespace sluice::config
