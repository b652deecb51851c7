// How the pools come from one configuration to the next.

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "config/diff.hpp"
#include "metrics/log.hpp"
#include "metrics/registry.hpp"
#include "proxy/backend_pool.hpp"
#include "proxy/policy.hpp"
#include "proxy/tls_files.hpp"

namespace sluice::proxy {
namespace {

constexpr std::size_t kNoBound = std::numeric_limits<std::size_t>::max();

// Options that mean something for the pool, and nothing for a connection that is open.
constexpr std::array<std::string_view, 16> kOfThePool{
    "connect_args.connect_timeout",
    "idle_timeout",
    "keepalive_time",
    "max_db_connections",
    "max_overflow",
    "max_user_connections",
    "max_waiting",
    "min_idle",
    "overflow_delay",
    "pool_pre_ping",
    "pool_pre_ping_idle",
    "pool_recycle",
    "pool_reset_on_return",
    "pool_size",
    "pool_timeout",
    "pool_use_lifo",
};

// Whether connections that were opened with `before` are to be opened anew.
bool renews(const PoolSettings& before, const PoolSettings& after) {
  const auto changed = config::diff(*before.pool, *after.pool);
  return before.tls_files != after.tls_files ||
         std::any_of(changed.begin(), changed.end(), [](const std::string& option) {
           return std::find(kOfThePool.begin(), kOfThePool.end(), option) == kOfThePool.end();
         });
}

void set_cap(std::unordered_map<std::string, std::shared_ptr<pool::Budget>>& budgets,
             std::size_t cap) {
  for (const auto& [name, budget] : budgets) {
    budget->set_limit(cap == 0 ? kNoBound : cap);
  }
}

}  // namespace

bool same_kind(const config::Pool& a, const config::Pool& b) {
  return a.protocol == b.protocol && a.user.empty() == b.user.empty() && a.database == b.database;
}

std::string removed_text(const std::string& pool) {
  return "pool " + pool +
         " was removed from the configuration, or serves something else now; "
         "connect again";
}

protocol::Result<BackendPools::Settings> BackendPools::prepare(
    const std::shared_ptr<const config::Config>& config) const {
  Settings all;
  for (const config::Pool& pool : config->pools) {
    auto settings = std::make_shared<PoolSettings>();
    settings->config = config;
    settings->pool = &pool;
    auto defaults = session_defaults(*config, {}, pool);
    if (!defaults) {
      return std::move(defaults.failure());
    }
    settings->defaults = std::make_shared<const protocol::SessionDefaults>(std::move(*defaults));
    if (pool.tls.mode != config::TlsMode::disable) {
      auto context = make_client_tls(pool.tls);
      if (!context) {
        protocol::Failure failure = std::move(context.failure());
        failure.text = "pool " + pool.name + ": " + failure.text;
        return failure;
      }
      settings->tls = std::move(*context);
      settings->tls_files = tls_files(pool.tls);
    }
    all.push_back(std::move(settings));
  }
  return all;
}

std::vector<BackendPoolPtr> BackendPools::apply(Settings settings, TimePoint now) {
  std::vector<BackendPoolPtr> gone;
  std::vector<std::pair<SharedPtr, PoolSettingsPtr>> kept;
  {
    const std::lock_guard lock(mutex_);  // readiness may be asked for already
    auto former = std::exchange(shared_, {});
    for (PoolSettingsPtr& one : settings) {
      const auto found = former.find(one->pool->name);
      if (found == former.end() || !same_kind(*found->second->now()->pool, *one->pool)) {
        add(std::move(one));
        continue;
      }
      kept.emplace_back(found->second, std::move(one));
      shared_.insert(former.extract(found));
    }
    for (const auto& [name, shared] : former) {
      shared->removed.store(true, std::memory_order_release);
    }
    std::erase_if(pools_, [&](const auto& entry) {
      if (entry.second->removed()) {
        gone.push_back(entry.second);
      }
      return entry.second->removed();
    });
    const auto unknown = [this](const std::string& name) { return !shared_.contains(name); };
    std::erase_if(paused_, unknown);
    std::erase_if(disabled_, unknown);
  }
  for (auto& [shared, one] : kept) {
    change(shared, std::move(one), now);
  }
  return gone;
}

void BackendPools::resize(const std::shared_ptr<const config::Config>& config,
                          const config::Pool& pool, TimePoint now) {
  SharedPtr shared;
  {
    const std::lock_guard lock(mutex_);
    const auto found = shared_.find(pool.name);
    if (found == shared_.end()) {
      return;  // the server has not started
    }
    shared = found->second;
  }
  auto settings = std::make_shared<PoolSettings>(*shared->now());
  settings->config = config;
  settings->pool = &pool;
  change(shared, std::move(settings), now);
}

// With mutex_ held.
void BackendPools::add(PoolSettingsPtr settings) {
  auto shared = std::make_shared<BackendPool::Shared>(std::move(settings));
  for (std::uint32_t worker = 0; worker < workers_; ++worker) {
    shared->instruments.push_back(registry_.lend_pool(shared->name));
  }
  shared->on_health = on_health_;
  sample(shared);
  shared_.emplace(shared->name, std::move(shared));
}

void BackendPools::change(const SharedPtr& shared, PoolSettingsPtr settings, TimePoint now) {
  const PoolSettingsPtr before = shared->now();
  const bool renew = renews(*before, *settings);
  const config::Pool& pool = *settings->pool;
  shared->change(settings);
  std::vector<BackendPoolPtr> pools;
  {
    const std::lock_guard lock(mutex_);
    set_cap(shared->database_budgets, pool.max_db_connections);
    set_cap(shared->user_budgets, pool.max_user_connections);
  }
  for (const BackendPoolPtr& one : of(shared)) {
    one->adapt(renew, now);
  }
}

BackendPool::Budgets BackendPools::budgets_of(BackendPool::Shared& shared, const std::string& user,
                                              const std::string& database) {
  const config::Pool& pool = *shared.now()->pool;
  BackendPool::Budgets budgets;
  const auto add = [&budgets](auto& known, const std::string& name, std::size_t cap) {
    auto& budget = known[name];
    if (budget == nullptr) {
      budget = std::make_shared<pool::Budget>(cap == 0 ? kNoBound : cap);
    }
    budgets.push_back(budget);
  };
  // Where there is no cap yet, a reload may set one. A pool of which there is one needs none.
  if (pool.user.empty()) {
    add(shared.database_budgets, database, pool.max_db_connections);
  }
  if (pool.database.empty()) {
    add(shared.user_budgets, user, pool.max_user_connections);
  }
  return budgets;
}

std::vector<BackendPoolPtr> BackendPools::of(const SharedPtr& shared) const {
  std::vector<BackendPoolPtr> pools;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, pool] : pools_) {
    if (pool->belongs_to(*shared)) {
      pools.push_back(pool);
    }
  }
  return pools;
}

}  // namespace sluice::proxy
