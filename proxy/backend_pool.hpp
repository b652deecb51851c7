#pragma once

// A pool of the configuration as it runs: for one (user, database), shared by all workers.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/config.hpp"
#include "metrics/instruments.hpp"
#include "pool/budget.hpp"
#include "pool/pool.hpp"
#include "protocol/conversation.hpp"
#include "protocol/dialect.hpp"
#include "proxy/address_book.hpp"
#include "proxy/tls_context.hpp"

namespace sluice::metrics {
class Registry;
}

namespace sluice::proxy {

// What a login to a pool's server takes, but for the address.
struct LoginOrder {
  protocol::BackendTarget target;
  std::uint64_t fit_class = 0;  // of the sessions that such a connection can serve
  std::uint32_t era = 0;        // of the pool
};

class BackendPool : public std::enable_shared_from_this<BackendPool> {
 public:
  // Called when the backend of a pool goes down (with the reason) or is up again (null), by any
  // thread.
  using HealthHook = std::function<void(const BackendPool&, const protocol::Failure*)>;

  // The parts that all pools of one entry of the configuration share.
  struct Shared {
    std::shared_ptr<const config::Config> config;  // keeps `pool` alive
    const config::Pool* pool;
    TlsContextPtr tls;                                   // null: mode disable
    std::vector<metrics::PoolInstruments*> instruments;  // by worker
    std::atomic<int> up{-1};  // of the last attempt to connect; -1: none yet
    HealthHook on_health;     // may be empty
    // By database and by user, where there is a cap; filled by BackendPools.
    std::unordered_map<std::string, std::shared_ptr<pool::Budget>> database_budgets;
    std::unordered_map<std::string, std::shared_ptr<pool::Budget>> user_budgets;
  };

  using Budgets = std::vector<std::shared_ptr<pool::Budget>>;
  BackendPool(std::shared_ptr<Shared> shared, std::string user, std::string database,
              Budgets budgets);

  const config::Pool& config() const { return *shared_->pool; }
  const protocol::Dialect& dialect() const { return dialect_; }
  const std::string& user() const { return user_; }
  const std::string& database() const { return database_; }
  // "pets_pg (postgresql 127.0.0.1:5432)": for error texts.
  const std::string& description() const { return description_; }
  ssl_ctx_st* tls() const;
  metrics::PoolInstruments& instruments(std::uint32_t worker) const {
    return *shared_->instruments[worker];
  }
  AddressBook& book() { return book_; }

  // How the last attempt to open a connection ended. Thread-safe.
  void note_failure(const protocol::Failure& failure, TimePoint now);
  void note_success(LoginOrder order);
  // Time alone may serve one who waits: the overflow opens, a backend that is down is tried again.
  bool waits_are_timed() const {
    return slots.limits().overflow_delay > Duration::zero() ||
           down_.load(std::memory_order_relaxed);
  }
  // For one who is not served because the backend is down: the last error, since when, and when it
  // is tried again.
  protocol::Failure why_down(TimePoint now) const;
  // The last error, until an opening succeeds.
  std::optional<protocol::Failure> last_failure() const;
  // Did the server answer the last attempt to connect, of any user? Empty: there was none yet.
  std::optional<bool> up() const;
  // What connections were opened with last, for one that no session has asked for; empty: none yet.
  std::optional<LoginOrder> last_order() const;

  // What a backend reported once it had the settings of this hash: later logins with the same
  // settings need no backend. Thread-safe.
  std::optional<protocol::Parameters> known(std::uint64_t settings_hash) const;
  void learn(std::uint64_t settings_hash, const protocol::Parameters& reported);
  // Another server answers now than the one whose reports are known: forget them.
  void check_version(const std::string& server_version);

  pool::Pool slots;

 private:
  void note_health(bool answers, const protocol::Failure& failure);

  std::shared_ptr<Shared> shared_;
  const protocol::Dialect& dialect_;
  std::string user_;
  std::string database_;
  std::string description_;
  AddressBook book_;
  std::atomic<bool> down_{false};  // the last attempt failed
  mutable std::mutex mutex_;
  std::optional<protocol::Failure> last_failure_;  // since the last success
  TimePoint down_since_{};
  std::optional<LoginOrder> last_order_;
  std::string server_version_;
  std::unordered_map<std::uint64_t, protocol::Parameters> known_;
};

using BackendPoolPtr = std::shared_ptr<BackendPool>;

// All pools of the process, made when first asked for. Thread-safe. What operators ask for is by
// the name of a pool: it goes for every user and database, for pools that are made later too.
class BackendPools {
 public:
  BackendPools(std::shared_ptr<const config::Config> config, metrics::Registry& registry,
               std::uint32_t workers);

  // Builds what every pool of the configuration needs; false with the reason when a TLS file is
  // bad.
  protocol::Status prepare();
  BackendPoolPtr get(const config::Pool& pool, const std::string& user,
                     const std::string& database);
  std::vector<BackendPoolPtr> all() const;
  // No pool lends any more, nor will one that is made later. The members are closing.
  std::vector<pool::Member*> shut_down();
  // See pool::Pool.
  void pause(const std::string& name);
  void resume(const std::string& name);
  bool paused(const std::string& name) const;
  void retire(const std::string& name);
  // New sessions are refused.
  void set_disabled(const std::string& name, bool disabled);
  bool disabled(const std::string& name) const;

  // Called with each pool that is made, before anybody has it. Set once, before the first get().
  void on_made(std::function<void(const BackendPoolPtr&)> hook) { made_ = std::move(hook); }
  // Set once, before prepare().
  void on_health(BackendPool::HealthHook hook) { on_health_ = std::move(hook); }
  // By pool: did it answer at the last attempt? Empty: nobody has tried yet.
  std::vector<std::pair<std::string, std::optional<bool>>> health() const;

 private:
  void sample(const std::shared_ptr<BackendPool::Shared>& shared);
  template <typename Do>
  void each_of(const std::string& name, Do act) const;
  static BackendPool::Budgets budgets_of(BackendPool::Shared& shared, const std::string& user,
                                         const std::string& database);

  std::shared_ptr<const config::Config> config_;
  metrics::Registry& registry_;
  std::uint32_t workers_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<BackendPool::Shared>> shared_;
  std::unordered_map<std::string, BackendPoolPtr> pools_;
  std::function<void(const BackendPoolPtr&)> made_;
  BackendPool::HealthHook on_health_;
  std::set<std::string> paused_;
  std::set<std::string> disabled_;
  bool shut_ = false;
};

protocol::Protocol to_protocol(config::Protocol protocol);

}  // namespace sluice::proxy
