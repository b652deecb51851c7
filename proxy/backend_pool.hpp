#pragma once

// A pool of the configuration as it runs, shared by all workers: one for each user and database
// where the url leaves them to the client. A new configuration changes it in place; one that
// takes it away, or makes another of it, ends it.

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
#include "metrics/log.hpp"
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

// What an entry of `pools:` comes to. Immutable.
struct PoolSettings {
  std::shared_ptr<const config::Config> config;  // keeps `pool` alive
  const config::Pool* pool;
  TlsContextPtr tls;      // null: mode disable
  std::string tls_files;  // what was in its files; for a comparison
  // What a backend is logged in with, whatever route it will serve.
  std::shared_ptr<const protocol::SessionDefaults> defaults;
};
using PoolSettingsPtr = std::shared_ptr<const PoolSettings>;

// What a login to a pool's server takes, but for the address.
struct LoginOrder {
  protocol::BackendTarget target;
  PoolSettingsPtr settings;
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
    explicit Shared(PoolSettingsPtr first);
    PoolSettingsPtr now() const;
    void change(PoolSettingsPtr to);

    const std::string name;
    std::vector<std::shared_ptr<metrics::PoolInstruments>> instruments;  // by worker
    std::atomic<int> up{-1};           // of the last attempt to connect; -1: none yet
    std::atomic<bool> removed{false};  // from the configuration
    std::atomic<config::ResetOnReturn> reset_on_return;
    HealthHook on_health;  // may be empty
    // By database and by user, where there is a cap; filled by BackendPools.
    std::unordered_map<std::string, std::shared_ptr<pool::Budget>> database_budgets;
    std::unordered_map<std::string, std::shared_ptr<pool::Budget>> user_budgets;

   private:
    mutable std::mutex mutex_;
    PoolSettingsPtr settings_;
  };

  using Budgets = std::vector<std::shared_ptr<pool::Budget>>;
  // `user` and `database`: the client's own, where the url leaves them out; else "".
  BackendPool(std::shared_ptr<Shared> shared, std::string user, std::string database,
              Budgets budgets);

  const std::string& name() const { return shared_->name; }
  // As it is now; a reload may change it at any time.
  PoolSettingsPtr settings() const { return shared_->now(); }
  std::shared_ptr<const config::Pool> config() const;
  const protocol::Dialect& dialect() const { return dialect_; }
  // What its connections are logged in as, or were under such settings.
  std::string user() const { return user(*config()); }
  std::string user(const config::Pool& pool) const { return pool.user.empty() ? user_ : pool.user; }
  std::string database() const { return database(*config()); }
  std::string database(const config::Pool& pool) const {
    return pool.database.empty() ? database_ : pool.database;
  }
  // "pets_pg (postgresql 127.0.0.1:5432)": for error texts.
  std::string description() const;
  // What every line of the log says of it.
  metrics::log::About about() const;
  config::ResetOnReturn reset_on_return() const {
    return shared_->reset_on_return.load(std::memory_order_relaxed);
  }
  // The configuration has it no more: its sessions are to end.
  bool removed() const { return shared_->removed.load(std::memory_order_acquire); }
  bool belongs_to(const Shared& shared) const { return shared_.get() == &shared; }
  // Brings the new settings, which it has already, to its connections: bounds and times at once,
  // what they were logged in with as they become free, if `renew`.
  void adapt(bool renew, TimePoint now);
  metrics::PoolInstruments& instruments(std::uint32_t worker) const {
    return *shared_->instruments[worker];
  }
  AddressBook& book() { return book_; }

  // How the last attempt to open a connection ended. Thread-safe.
  void note_failure(const protocol::Failure& failure, TimePoint now);
  void note_success(LoginOrder order);
  // Time alone may serve one who waits: the overflow opens, a backend that is down is tried again.
  bool waits_are_timed() const {
    return delays_overflow_.load(std::memory_order_relaxed) ||
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
  const std::string user_;
  const std::string database_;
  AddressBook book_;
  std::atomic<bool> delays_overflow_;
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
  BackendPools(metrics::Registry& registry, std::uint32_t workers);

  // What every pool of a configuration needs. Fails with the reason when a TLS file is bad.
  using Settings = std::vector<PoolSettingsPtr>;
  protocol::Result<Settings> prepare(const std::shared_ptr<const config::Config>& config) const;
  // From now on these are what there is. Pools that are in it still are changed in place; what
  // their connections were logged in with takes effect on those that are opened from now on, and
  // the others end when they are free. Returns the pools that are in it no more, or are something
  // else there; nobody gets them from now on.
  std::vector<BackendPoolPtr> apply(Settings settings, TimePoint now);
  // The one pool as it is in `config`, where nothing but its sizes is another.
  void resize(const std::shared_ptr<const config::Config>& config, const config::Pool& pool,
              TimePoint now);
  // Null: there is no such pool any more. `user` and `database` are what a connection is to be
  // logged in as.
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
  using SharedPtr = std::shared_ptr<BackendPool::Shared>;
  void add(PoolSettingsPtr settings);
  void change(const SharedPtr& shared, PoolSettingsPtr settings, TimePoint now);
  std::vector<BackendPoolPtr> of(const SharedPtr& shared) const;
  void sample(const SharedPtr& shared);
  template <typename Do>
  void each_of(const std::string& name, Do act) const;
  static BackendPool::Budgets budgets_of(BackendPool::Shared& shared, const std::string& user,
                                         const std::string& database);

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
// Whether sessions and connections of the one can go on with the other: the protocol, the database
// and who says which user are the same.
bool same_kind(const config::Pool& a, const config::Pool& b);
// What a client of such a pool is told.
std::string removed_text(const std::string& pool);

}  // namespace sluice::proxy
