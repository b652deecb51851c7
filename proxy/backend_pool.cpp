#include "proxy/backend_pool.hpp"

#include <utility>

#include "metrics/registry.hpp"

namespace sluice::proxy {
namespace {

// Settings seen at logins; far above what real clients use, so only a client that makes them up on
// purpose has the map emptied.
constexpr std::size_t kMaxKnown = 1024;

std::string describe(const config::Pool& pool, const protocol::Dialect& dialect) {
  const config::Address& address = pool.addresses.front();
  std::string where = address.unix_path.empty() ? address.host + ":" + std::to_string(address.port)
                                                : address.unix_path;
  return pool.name + " (" + std::string(dialect.name()) + " " + where + ")";
}

pool::Limits limits_of(const config::Pool& pool) {
  pool::Limits limits;
  limits.pool_size = pool.pool_size;
  limits.max_overflow = pool.max_overflow;
  limits.connect_retry_min = pool::Duration::zero();  // Checkout does not wait for a probe yet
  limits.recycle = pool.pool_recycle;
  limits.lifo = pool.pool_use_lifo;
  limits.pre_ping = pool.pool_pre_ping;
  limits.pre_ping_idle = pool.pool_pre_ping_idle;
  return limits;
}

}  // namespace

protocol::Protocol to_protocol(config::Protocol protocol) {
  return protocol == config::Protocol::mysql ? protocol::Protocol::mysql
                                             : protocol::Protocol::postgresql;
}

BackendPool::BackendPool(std::shared_ptr<Shared> shared, std::string user, std::string database)
    : slots(shared->pool->name, limits_of(*shared->pool)),
      shared_(std::move(shared)),
      dialect_(protocol::dialect(to_protocol(shared_->pool->protocol))),
      user_(std::move(user)),
      database_(std::move(database)),
      description_(describe(*shared_->pool, dialect_)) {}

ssl_ctx_st* BackendPool::tls() const {
  return shared_->tls ? shared_->tls->get() : nullptr;
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
    entry = std::make_shared<BackendPool>(shared_.at(pool.name), user, database);
  }
  return entry;
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
      sum.pending += static_cast<std::int64_t>(snapshot.waiting);
      sum.oldest_wait = std::max<std::chrono::nanoseconds>(sum.oldest_wait, snapshot.oldest_wait);
    }
    return sum;
  });
}

}  // namespace sluice::proxy
