#pragma once

// A pool of the configuration as it runs: for one (user, database), shared by all workers.

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/config.hpp"
#include "metrics/instruments.hpp"
#include "pool/pool.hpp"
#include "protocol/conversation.hpp"
#include "protocol/dialect.hpp"
#include "proxy/tls_context.hpp"

namespace sluice::metrics {
class Registry;
}

namespace sluice::proxy {

class BackendPool : public std::enable_shared_from_this<BackendPool> {
 public:
  // The parts that all pools of one entry of the configuration share.
  struct Shared {
    std::shared_ptr<const config::Config> config;  // keeps `pool` alive
    const config::Pool* pool;
    TlsContextPtr tls;                                   // null: mode disable
    std::vector<metrics::PoolInstruments*> instruments;  // by worker
    std::atomic<int> up{-1};  // of the last attempt to connect; -1: none yet
  };

  BackendPool(std::shared_ptr<Shared> shared, std::string user, std::string database);

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
  void note_connect(bool ok) { shared_->up.store(ok ? 1 : 0, std::memory_order_relaxed); }

  // What a backend reported once it had the settings of this hash: later logins with the same
  // settings need no backend. Thread-safe.
  std::optional<protocol::Parameters> known(std::uint64_t settings_hash) const;
  void learn(std::uint64_t settings_hash, const protocol::Parameters& reported);
  // Another server answers now than the one whose reports are known: forget them.
  void check_version(const std::string& server_version);

  pool::Pool slots;

 private:
  std::shared_ptr<Shared> shared_;
  const protocol::Dialect& dialect_;
  std::string user_;
  std::string database_;
  std::string description_;
  mutable std::mutex mutex_;
  std::string server_version_;
  std::unordered_map<std::uint64_t, protocol::Parameters> known_;
};

using BackendPoolPtr = std::shared_ptr<BackendPool>;

// All pools of the process, made when first asked for. Thread-safe.
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
  // By pool: did it answer at the last attempt? Empty: nobody has tried yet.
  std::vector<std::pair<std::string, std::optional<bool>>> health() const;

 private:
  void sample(const std::shared_ptr<BackendPool::Shared>& shared);

  std::shared_ptr<const config::Config> config_;
  metrics::Registry& registry_;
  std::uint32_t workers_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<BackendPool::Shared>> shared_;
  std::unordered_map<std::string, BackendPoolPtr> pools_;
};

protocol::Protocol to_protocol(config::Protocol protocol);

}  // namespace sluice::proxy
