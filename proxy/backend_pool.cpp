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

BackendPool::Shared::Shared(PoolSettingsPtr first)
    : name(first->pool->name), reset_on_return(first->pool->pool_reset_on_return) {
  settings_ = std::move(first);
}

PoolSettingsPtr BackendPool::Shared::now() const {
  const std::lock_guard lock(mutex_);
  return settings_;
}

void BackendPool::Shared::change(PoolSettingsPtr to) {
  reset_on_return.store(to->pool->pool_reset_on_return, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  settings_.swap(to);
}

BackendPool::BackendPool(std::shared_ptr<Shared> shared, std::string user, std::string database,
                         Budgets budgets)
    : slots(shared->name, limits_of(*shared->now()->pool), std::move(budgets)),
      shared_(std::move(shared)),
      dialect_(protocol::dialect(to_protocol(shared_->now()->pool->protocol))),
      user_(std::move(user)),
      database_(std::move(database)),
      delays_overflow_(shared_->now()->pool->overflow_delay > Duration::zero()) {}

metrics::log::About BackendPool::about() const {
  metrics::log::About about;
  about.keep("pool", name()).keep("user", user()).keep("database", database());
  return about;
}

std::shared_ptr<const config::Pool> BackendPool::config() const {
  const PoolSettingsPtr now = settings();
  return {now, now->pool};
}

std::string BackendPool::description() const {
  return describe(*config(), dialect_);
}

void BackendPool::adapt(bool renew, TimePoint now) {
  delays_overflow_.store(config()->overflow_delay > Duration::zero(), std::memory_order_relaxed);
  slots.set_limits(limits_of(*config()), now);
  if (!renew) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    last_order_.reset();
    last_failure_.reset();
    known_.clear();
  }
  down_.store(false, std::memory_order_relaxed);
  slots.retire(pool::CloseReason::reload, now);
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
    if (order.era == slots.era()) {
      last_order_ = std::move(order);
    }
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
                          "the backend of pool " + description() + " is down");
  }
  protocol::Failure failure = *last_failure_;
  failure.text += "; pool " + name() + " has opened no connection for " + in_ms(now - down_since_) +
                  ", the next attempt is due " +
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

BackendPools::BackendPools(metrics::Registry& registry, std::uint32_t workers)
    : registry_(registry), workers_(workers) {}

BackendPoolPtr BackendPools::get(const config::Pool& pool, const std::string& user,
                                 const std::string& database) {
  const std::string own_user = pool.user.empty() ? user : std::string();
  const std::string own_database = pool.database.empty() ? database : std::string();
  std::string key = pool.name + '\0' + own_user + '\0' + own_database;
  std::lock_guard lock(mutex_);
  const auto shared = shared_.find(pool.name);
  if (shared == shared_.end() || !same_kind(*shared->second->now()->pool, pool)) {
    return nullptr;
  }
  BackendPoolPtr& entry = pools_[key];
  if (!entry) {
    entry = std::make_shared<BackendPool>(shared->second, own_user, own_database,
                                          budgets_of(*shared->second, user, database));
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
    if (pool->name() == name) {
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

void BackendPools::sample(const SharedPtr& of_all) {
  const std::weak_ptr<BackendPool::Shared> known = of_all;
  registry_.sample_pool(of_all->name, [this, known]() -> std::optional<metrics::PoolSample> {
    const SharedPtr shared = known.lock();
    if (shared == nullptr || shared->removed.load(std::memory_order_acquire)) {
      return std::nullopt;
    }
    const PoolSettingsPtr settings = shared->now();
    metrics::PoolSample sum;
    std::int64_t pairs = 0;
    if (int up = shared->up.load(std::memory_order_relaxed); up >= 0) {
      sum.backend_up = up > 0;
    }
    sum.paused = paused(shared->name);
    sum.disabled = disabled(shared->name);
    for (const BackendPoolPtr& pool : of(shared)) {
      ++pairs;
      pool::Snapshot snapshot = pool->slots.snapshot(pool::Clock::now());
      sum.idle += static_cast<std::int64_t>(snapshot.idle);
      sum.used += static_cast<std::int64_t>(snapshot.in_use);
      sum.connecting += static_cast<std::int64_t>(snapshot.opening);
      sum.closing += static_cast<std::int64_t>(snapshot.closing);
      sum.failures = std::max(sum.failures, static_cast<std::int64_t>(snapshot.failures));
      sum.pending += static_cast<std::int64_t>(snapshot.waiting);
      sum.oldest_wait = std::max<std::chrono::nanoseconds>(sum.oldest_wait, snapshot.oldest_wait);
    }
    // Each user and database has bounds of its own; one that nobody has asked for yet counts as
    // one.
    pairs = std::max<std::int64_t>(pairs, 1);
    sum.size = pairs * static_cast<std::int64_t>(settings->pool->pool_size);
    sum.min_idle = pairs * static_cast<std::int64_t>(settings->pool->min_idle);
    sum.overflow_max = settings->pool->max_overflow < 0 ? -1 : pairs * settings->pool->max_overflow;
    for (const auto& one : shared->instruments) {
      sum.validating += one->tended(metrics::Tending::validating).value();
      sum.resetting += one->tended(metrics::Tending::resetting).value();
    }
    // The two were not read at one moment.
    sum.used = std::max<std::int64_t>(sum.used - sum.validating - sum.resetting, 0);
    return sum;
  });
}

}  // namespace sluice::proxy
