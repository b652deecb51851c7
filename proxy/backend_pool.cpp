#include "proxy/backend_pool.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "metrics/registry.hpp"
#include "protocol/crypto.hpp"
#include "proxy/connect_failure.hpp"

namespace sluice::proxy {
namespace {

// Settings seen at logins; far above what real clients use, so only a client that makes them up on
// purpose has the map emptied.
constexpr std::size_t kMaxKnown = 1024;

// Openings at a time: enough to fill a pool quickly, few enough not to storm a server that comes
// back.
constexpr std::size_t kMaxConnecting = 8;

// "pets_pg (postgresql 127.0.0.1:5432,db2:5432)"
std::string describe(const config::Pool& pool, const protocol::Dialect& dialect) {
  std::string where;
  for (const config::Address& address : pool.addresses) {
    where += (where.empty() ? "" : ",") + (address.unix_path.empty()
                                               ? address.host + ":" + std::to_string(address.port)
                                               : address.unix_path);
  }
  return pool.name + " (" + std::string(dialect.name()) + " " + where + ")";
}

std::uint64_t random_seed() {
  protocol::Buffer bytes = protocol::random_bytes(sizeof(std::uint64_t));
  std::uint64_t seed = 0;
  std::memcpy(&seed, bytes.data(), sizeof seed);
  return seed;
}

pool::Limits limits_of(const config::Pool& pool) {
  pool::Limits limits;
  limits.pool_size = pool.pool_size;
  limits.max_overflow = pool.max_overflow;
  limits.overflow_delay = pool.overflow_delay;
  limits.max_waiting = pool.max_waiting;
  limits.max_connecting = kMaxConnecting;
  limits.min_idle = pool.min_idle;
  limits.idle_timeout = pool.idle_timeout;
  limits.keepalive_time = pool.keepalive_time;
  limits.recycle = pool.pool_recycle;
  limits.lifo = pool.pool_use_lifo;
  limits.pre_ping = pool.pool_pre_ping;
  limits.pre_ping_idle = pool.pool_pre_ping_idle;
  limits.outage_grace = pool.connect_timeout;
  limits.jitter_seed = random_seed();
  return limits;
}

std::string in_ms(Duration duration) {
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(duration).count()) + " ms";
}

}  // namespace

protocol::Protocol to_protocol(config::Protocol protocol) {
  return protocol == config::Protocol::mysql ? protocol::Protocol::mysql
                                             : protocol::Protocol::postgresql;
}

BackendPool::BackendPool(std::shared_ptr<Shared> shared, std::string user, std::string database,
                         Budgets budgets)
    : slots(shared->pool->name, limits_of(*shared->pool), std::move(budgets)),
      shared_(std::move(shared)),
      dialect_(protocol::dialect(to_protocol(shared_->pool->protocol))),
      user_(std::move(user)),
      database_(std::move(database)),
      description_(describe(*shared_->pool, dialect_)) {}

ssl_ctx_st* BackendPool::tls() const {
  return shared_->tls ? shared_->tls->get() : nullptr;
}

void BackendPool::note_failure(const protocol::Failure& failure, TimePoint now) {
  // One that refuses answers, unless it says that it is not ready.
  const bool answers = (failure.kind == protocol::FailureKind::backend_login_failed ||
                        failure.kind == protocol::FailureKind::unknown_database) &&
                       !tries_next_address(failure);
  down_.store(true, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    if (!last_failure_) {
      down_since_ = now;
    }
    last_failure_ = failure;
  }
  note_health(answers, failure);
}

void BackendPool::note_success(LoginOrder order) {
  down_.store(false, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    last_failure_.reset();
    last_order_ = std::move(order);
  }
  note_health(true, {});
}

void BackendPool::note_health(bool answers, const protocol::Failure& failure) {
  const int before = shared_->up.exchange(answers ? 1 : 0, std::memory_order_relaxed);
  if (shared_->on_health == nullptr) {
    return;
  }
  if (!answers && before != 0) {
    shared_->on_health(*this, &failure);
  } else if (answers && before == 0) {
    shared_->on_health(*this, nullptr);
  }
}

std::optional<protocol::Failure> BackendPool::last_failure() const {
  const std::lock_guard lock(mutex_);
  return last_failure_;
}

std::optional<bool> BackendPool::up() const {
  const int up = shared_->up.load(std::memory_order_relaxed);
  return up < 0 ? std::nullopt : std::optional(up > 0);
}

protocol::Failure BackendPool::why_down(TimePoint now) const {
  const pool::Snapshot snapshot = slots.snapshot(now);
  const std::lock_guard lock(mutex_);
  if (!last_failure_) {
    return protocol::fail(protocol::FailureKind::backend_unreachable,
                          "the backend of pool " + description_ + " is down");
  }
  protocol::Failure failure = *last_failure_;
  failure.text += "; pool " + shared_->pool->name + " has opened no connection for " +
                  in_ms(now - down_since_) + ", the next attempt is due " +
                  (snapshot.retry_in > Duration::zero() ? "in " + in_ms(snapshot.retry_in) : "now");
  return failure;
}

std::optional<LoginOrder> BackendPool::last_order() const {
  const std::lock_guard lock(mutex_);
  return last_order_;
}

std::optional<protocol::Parameters> BackendPool::known(std::uint64_t settings_hash) const {
  std::lock_guard lock(mutex_);
  auto found = known_.find(settings_hash);
  return found == known_.end() ? std::nullopt : std::optional(found->second);
}

void BackendPool::learn(std::uint64_t settings_hash, const protocol::Parameters& reported) {
  std::lock_guard lock(mutex_);
  if (known_.size() >= kMaxKnown) {
    known_.clear();
  }
  known_[settings_hash] = reported;
}

void BackendPool::check_version(const std::string& server_version) {
  std::lock_guard lock(mutex_);
  if (server_version_ != server_version) {
    server_version_ = server_version;
    known_.clear();
  }
}

BackendPools::BackendPools(std::shared_ptr<const config::Config> config,
                           metrics::Registry& registry, std::uint32_t workers)
    : config_(std::move(config)), registry_(registry), workers_(workers) {}

protocol::Status BackendPools::prepare() {
  for (const config::Pool& pool : config_->pools) {
    auto shared = std::make_shared<BackendPool::Shared>();
    shared->config = config_;
    shared->pool = &pool;
    shared->on_health = on_health_;
    if (pool.tls.mode != config::TlsMode::disable) {
      auto context = make_client_tls(pool.tls);
      if (!context) {
        return std::move(context.failure());
      }
      shared->tls = std::move(*context);
    }
    for (std::uint32_t worker = 0; worker < workers_; ++worker) {
      shared->instruments.push_back(&registry_.add_pool(pool.name));
    }
    sample(shared);
    std::lock_guard lock(mutex_);  // readiness may be asked for already
    shared_.emplace(pool.name, std::move(shared));
  }
  return protocol::Done{};
}

BackendPoolPtr BackendPools::get(const config::Pool& pool, const std::string& user,
                                 const std::string& database) {
  std::string key = pool.name + '\0' + user + '\0' + database;
  std::lock_guard lock(mutex_);
  BackendPoolPtr& entry = pools_[key];
  if (!entry) {
    const auto& shared = shared_.at(pool.name);
    entry =
        std::make_shared<BackendPool>(shared, user, database, budgets_of(*shared, user, database));
    if (made_) {
      made_(entry);
    }
    if (shut_) {
      entry->slots.shut_down();
    }
    if (paused_.contains(pool.name)) {
      entry->slots.pause(pool::Clock::now());  // nothing is idle in it
    }
  }
  return entry;
}

BackendPool::Budgets BackendPools::budgets_of(BackendPool::Shared& shared, const std::string& user,
                                              const std::string& database) {
  BackendPool::Budgets budgets;
  auto add = [&budgets](auto& known, const std::string& name, std::size_t cap) {
    if (cap != 0) {
      auto& budget = known[name];
      if (budget == nullptr) {
        budget = std::make_shared<pool::Budget>(cap);
      }
      budgets.push_back(budget);
    }
  };
  add(shared.database_budgets, database, shared.pool->max_db_connections);
  add(shared.user_budgets, user, shared.pool->max_user_connections);
  return budgets;
}

std::vector<pool::Member*> BackendPools::shut_down() {
  std::vector<pool::Member*> members;
  std::lock_guard lock(mutex_);
  shut_ = true;
  for (const auto& [key, pool] : pools_) {
    for (pool::Member* member : pool->slots.shut_down()) {
      members.push_back(member);
    }
  }
  return members;
}

template <typename Do>
void BackendPools::each_of(const std::string& name, Do act) const {
  for (const auto& [key, pool] : pools_) {
    if (pool->config().name == name) {
      act(*pool);
    }
  }
}

void BackendPools::pause(const std::string& name) {
  std::lock_guard lock(mutex_);
  paused_.insert(name);
  each_of(name, [](BackendPool& pool) { pool.slots.pause(pool::Clock::now()); });
}

void BackendPools::resume(const std::string& name) {
  std::lock_guard lock(mutex_);
  paused_.erase(name);
  each_of(name, [](BackendPool& pool) { pool.slots.resume(pool::Clock::now()); });
}

bool BackendPools::paused(const std::string& name) const {
  std::lock_guard lock(mutex_);
  return paused_.contains(name);
}

void BackendPools::retire(const std::string& name) {
  std::lock_guard lock(mutex_);
  each_of(name, [](BackendPool& pool) {
    pool.slots.retire(pool::CloseReason::admin, pool::Clock::now());
  });
}

void BackendPools::set_disabled(const std::string& name, bool disabled) {
  std::lock_guard lock(mutex_);
  if (disabled) {
    disabled_.insert(name);
  } else {
    disabled_.erase(name);
  }
}

bool BackendPools::disabled(const std::string& name) const {
  std::lock_guard lock(mutex_);
  return disabled_.contains(name);
}

std::vector<BackendPoolPtr> BackendPools::all() const {
  std::lock_guard lock(mutex_);
  std::vector<BackendPoolPtr> pools;
  pools.reserve(pools_.size());
  for (const auto& [key, pool] : pools_) {
    pools.push_back(pool);
  }
  return pools;
}

std::vector<std::pair<std::string, std::optional<bool>>> BackendPools::health() const {
  std::vector<std::pair<std::string, std::optional<bool>>> health;
  std::lock_guard lock(mutex_);
  for (const auto& [name, shared] : shared_) {
    int up = shared->up.load(std::memory_order_relaxed);
    health.emplace_back(name, up < 0 ? std::nullopt : std::optional(up > 0));
  }
  return health;
}

void BackendPools::sample(const std::shared_ptr<BackendPool::Shared>& shared) {
  const std::string& name = shared->pool->name;
  registry_.sample_pool(name, [this, shared]() -> std::optional<metrics::PoolSample> {
    metrics::PoolSample sum;
    sum.size = static_cast<std::int64_t>(shared->pool->pool_size);
    sum.overflow_max = shared->pool->max_overflow;
    if (int up = shared->up.load(std::memory_order_relaxed); up >= 0) {
      sum.backend_up = up > 0;
    }
    for (const BackendPoolPtr& pool : all()) {
      if (pool->config().name != shared->pool->name) {
        continue;
      }
      pool::Snapshot snapshot = pool->slots.snapshot(pool::Clock::now());
      sum.idle += static_cast<std::int64_t>(snapshot.idle);
      sum.used += static_cast<std::int64_t>(snapshot.in_use);
      sum.connecting += static_cast<std::int64_t>(snapshot.opening);
      sum.closing += static_cast<std::int64_t>(snapshot.closing);
      sum.failures = std::max(sum.failures, static_cast<std::int64_t>(snapshot.failures));
      sum.pending += static_cast<std::int64_t>(snapshot.waiting);
      sum.oldest_wait = std::max<std::chrono::nanoseconds>(sum.oldest_wait, snapshot.oldest_wait);
    }
    return sum;
  });
}

}  // namespace sluice::proxy
