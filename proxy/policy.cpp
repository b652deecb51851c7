#include "proxy/policy.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "config/diff.hpp"
#include "config/middleware_table.hpp"
#include "protocol/sql/plain_sets.hpp"
#include "proxy/deadlines.hpp"
#include "proxy/middleware/background.hpp"
#include "proxy/middleware/catalogue.hpp"

namespace sluice::proxy {
namespace {

using protocol::FailureKind;
using protocol::Status;
using std::chrono::milliseconds;

// What waits to be done by all middleware together; what does not fit is dropped and counted.
constexpr std::size_t kBackgroundQueue = 10000;
// How often a Part that wants ticks has them at least.
constexpr auto kTick = milliseconds(250);
// Where a client's trace context travels, beside the names that begin with "sluice.".
constexpr const char* kTraceparent = "traceparent";

config::Limits limits_of(const config::Limits& all, const config::RouteTimeouts& route) {
  config::Limits limits = all;
  limits.client_idle_timeout = route.client_idle_timeout.value_or(all.client_idle_timeout);
  limits.idle_transaction_timeout =
      route.idle_transaction_timeout.value_or(all.idle_transaction_timeout);
  limits.transaction_timeout = route.transaction_timeout.value_or(all.transaction_timeout);
  limits.query_timeout = route.query_timeout.value_or(all.query_timeout);
  limits.client_max_lifetime = route.client_max_lifetime.value_or(all.client_max_lifetime);
  return limits;
}

// The shortest time after which an entry of a chain wants something done; 0 = none.
struct ShortestLimit {
  milliseconds operator()(const config::StatementTimeout& o) const { return o.limit; }
  milliseconds operator()(const config::IdleInTransaction& o) const { return o.limit; }
  milliseconds operator()(const config::SnapshotAge& o) const { return o.limit; }
  milliseconds operator()(const config::StatementRules& o) const {
    milliseconds shortest{0};
    for (const config::StatementRule& rule : o.rules) {
      if (rule.timeout.count() > 0 && (shortest.count() == 0 || rule.timeout < shortest)) {
        shortest = rule.timeout;
      }
    }
    return shortest;
  }
  template <typename Other>
  milliseconds operator()(const Other& /*o*/) const {
    return milliseconds(0);
  }
};

Duration sooner(Duration a, Duration b) {
  return a == Duration::zero() ? b : b == Duration::zero() ? a : std::min(a, b);
}

Duration interval_of(const std::vector<config::Middleware>& entries,
                     const middleware::Entries& chain) {
  Duration interval{0};
  for (const config::Middleware& entry : entries) {
    config::Limits limit;
    limit.query_timeout = std::visit(ShortestLimit{}, entry.options);
    interval = sooner(interval, sweep_interval(limit));
  }
  const bool ticks = std::any_of(chain.begin(), chain.end(),
                                 [](const middleware::Entry& one) { return one.wants.tick; });
  return ticks ? sooner(interval, kTick) : interval;
}

void add_attribute_names(const std::vector<config::Middleware>& entries,
                         std::vector<std::string>& names) {
  for (const config::Middleware& entry : entries) {
    if (const auto* token = std::get_if<config::RequireToken>(&entry.options)) {
      names.push_back(token->parameter);
    }
  }
}

std::string place_of(const config::Middleware& entry, const std::string& route) {
  std::string place = route.empty() ? "middleware " : "route " + route + ": middleware ";
  place += config::name_of(entry.options);
  if (entry.mark.line > 0) {
    place += " (line " + std::to_string(entry.mark.line) + ")";
  }
  return place;
}

}  // namespace

protocol::Result<protocol::SessionDefaults> session_defaults(const config::Config& config,
                                                             const config::Route& route,
                                                             const config::Pool& pool) {
  constexpr std::string_view kAutocommit = "AUTOCOMMIT";
  const std::string& level =
      route.isolation_level.empty() ? pool.isolation_level : route.isolation_level;
  const bool mysql = pool.protocol == config::Protocol::mysql;
  protocol::SessionDefaults made;
  made.session_mode = pool.pool_mode == config::PoolMode::session;
  made.statement_mode = pool.pool_mode == config::PoolMode::statement;
  made.refuse_unsupported = pool.refuse_unsupported_state;
  made.read_only = route.read_only.value_or(pool.read_only);
  made.autocommit = route.autocommit ? route.autocommit : pool.autocommit;
  if (level != kAutocommit) {
    made.isolation_level = level;
  } else if (mysql) {
    made.autocommit = true;
  }
  if (made.statement_mode) {
    made.autocommit = true;
  }
  made.init_sql = pool.init_sql;
  made.max_prepared_statements = pool.max_prepared_statements;
  made.max_message = config.limits.max_message;
  if (!route.init_sql.empty()) {
    auto sets = protocol::sql::plain_sets(route.init_sql, {mysql, mysql, false});
    if (!sets) {
      return protocol::fail(
          FailureKind::internal,
          "route " + route.name + ": init_sql must hold nothing but SET name = value statements");
    }
    made.settings = std::move(*sets);
  }
  return made;
}

Policy::Policy(std::shared_ptr<const config::Config> config) : config_(std::move(config)) {}

Policy::~Policy() = default;

protocol::Result<std::shared_ptr<Policy>> Policy::make(std::shared_ptr<const config::Config> config,
                                                       metrics::Registry& registry,
                                                       std::uint32_t workers, const Maker& maker,
                                                       const Policy* previous) {
  auto policy = std::make_shared<Policy>(std::move(config));
  const Builder builder{registry, workers, maker, previous};
  const config::Config& all = *policy->config_;
  policy->attribute_names_.emplace_back(kTraceparent);
  policy->sweep_interval_ = proxy::sweep_interval(all.limits);
  if (Status made = policy->add_chain(builder, all.middleware, "", policy->chain_); !made) {
    return std::move(made.failure());
  }
  for (const config::Route& route : all.routes) {
    if (Status made = policy->add_route(builder, route); !made) {
      return std::move(made.failure());
    }
  }
  return policy;
}

Status Policy::add_route(const Builder& builder, const config::Route& config) {
  const config::Pool* pool = config_->find_pool(config.pool);
  if (pool == nullptr) {
    return protocol::fail(FailureKind::internal,
                          "route " + config.name + ": there is no pool " + config.pool);
  }
  auto defaults = session_defaults(*config_, config, *pool);
  if (!defaults) {
    return std::move(defaults.failure());
  }
  auto route = std::make_unique<Route>(config, *pool);
  route->limits = limits_of(config_->limits, config.timeouts);
  route->defaults = std::make_shared<const protocol::SessionDefaults>(std::move(*defaults));
  sweep_interval_ = sooner(sweep_interval_, proxy::sweep_interval(route->limits));
  for (std::uint32_t worker = 0; worker < builder.workers; ++worker) {
    route->instruments.push_back(builder.registry.lend_route(config.name));
  }
  if (Status made = add_chain(builder, config.middleware, config.name, route->chain); !made) {
    return made;
  }
  routes_.push_back(std::move(route));
  return protocol::Done{};
}

Status Policy::add_chain(const Builder& builder, const std::vector<config::Middleware>& entries,
                         const std::string& route, middleware::Entries& chain) {
  for (const config::Middleware& entry : entries) {
    const middleware::Entry* same =
        builder.previous != nullptr ? builder.previous->find_same(entry, route, chain) : nullptr;
    if (same != nullptr) {
      chain.push_back(*same);
      continue;
    }
    auto made = make_entry(builder, entry, route);
    if (!made) {
      return std::move(made.failure());
    }
    chain.push_back(std::move(*made));
  }
  if (!chain.empty() && background_ == nullptr) {
    background_ = std::make_unique<middleware::Background>(kBackgroundQueue);
  }
  add_attribute_names(entries, attribute_names_);
  sweep_interval_ = sooner(sweep_interval_, interval_of(entries, chain));
  return protocol::Done{};
}

protocol::Result<middleware::Entry> Policy::make_entry(const Builder& builder,
                                                       const config::Middleware& entry,
                                                       const std::string& route) {
  auto made = builder.maker(entry.options);
  if (!made) {
    protocol::Failure failure = std::move(made.failure());
    failure.text = place_of(entry, route) + ": " + failure.text;
    return failure;
  }
  middleware::Entry added;
  added.middleware = std::move(*made);
  added.wants = added.middleware->wants();
  const std::string name(added.middleware->name());
  for (std::uint32_t worker = 0; worker < builder.workers; ++worker) {
    added.instruments.push_back(builder.registry.lend_middleware(route, name));
  }
  added.middleware->count_with(builder.registry.lend_middleware(route, name));
  return added;
}

const middleware::Entry* Policy::find_same(const config::Middleware& entry,
                                           const std::string& route,
                                           const middleware::Entries& chain) const {
  if (std::holds_alternative<config::RequireToken>(entry.options)) {
    return nullptr;  // its keys may be others now
  }
  const std::vector<config::Middleware>* entries = route.empty() ? &config_->middleware : nullptr;
  const middleware::Entries* made = &chain_;
  for (const auto& one : routes_) {
    if (!route.empty() && one->config.name == route) {
      entries = &one->config.middleware;
      made = &one->chain;
    }
  }
  for (std::size_t at = 0; entries != nullptr && at < entries->size(); ++at) {
    const middleware::Entry& found = (*made)[at];
    const bool taken = std::any_of(chain.begin(), chain.end(), [&](const middleware::Entry& other) {
      return other.middleware == found.middleware;
    });
    if (!taken && config::same_options((*entries)[at], entry)) {
      return &found;
    }
  }
  return nullptr;
}

const Policy::Route* Policy::find(const Candidate& candidate) const {
  const auto found = std::find_if(routes_.begin(), routes_.end(),
                                  [&](const auto& route) { return route->match.holds(candidate); });
  return found == routes_.end() ? nullptr : found->get();
}

void Policy::reopen() const {
  const auto each = [](const middleware::Entries& chain) {
    for (const middleware::Entry& entry : chain) {
      entry.middleware->reopen();
    }
  };
  each(chain_);
  for (const auto& route : routes_) {
    each(route->chain);
  }
}

}  // namespace sluice::proxy
