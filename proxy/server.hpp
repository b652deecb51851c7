#pragma once

// The running process: workers, listeners, pools, and what all sessions share. Built from a checked
// configuration; start(), then drain() and join().

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "metrics/registry.hpp"
#include "protocol/conversation.hpp"
#include "protocol/result.hpp"
#include "proxy/acceptor.hpp"
#include "proxy/backend_pool.hpp"
#include "proxy/cancel.hpp"
#include "proxy/credentials.hpp"
#include "proxy/listener.hpp"
#include "proxy/middleware/catalogue.hpp"
#include "proxy/offload.hpp"
#include "proxy/policy.hpp"
#include "proxy/resolver.hpp"
#include "proxy/upkeep.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {

namespace op {
class Operator;
}

class Server {
 public:
  // `maker` makes the middleware of the chains.
  Server(std::shared_ptr<const config::Config> config, metrics::Registry& registry, Poller poller,
         Policy::Maker maker = &middleware::make);
  ~Server();

  // Reads certificates, makes the middleware, binds the listeners, starts the workers.
  protocol::Status start();
  // Stops accepting and asks every session to end at its next transaction end. From any thread.
  void drain();
  // Only the first half of drain(): those who are in may stay.
  void stop_accepting();
  // Ends what is left.
  void stop_now();
  bool empty() const { return clients_.load(std::memory_order_acquire) == 0; }
  // Ends the workers; returns when nothing runs any more.
  void join();

  // More clients than max_client_connections are here: some for the console alone.
  bool over_limit() const;
  protocol::Failure too_many_clients() const;

  bool ready() const { return running_ && !draining_; }
  bool running() const { return running_; }
  bool draining() const { return draining_; }
  std::size_t clients() const { return clients_.load(std::memory_order_relaxed); }
  const config::Config& config() const { return *config_; }
  std::shared_ptr<const config::Config> current_config() const { return config_; }
  // Who answers what operators ask, for sessions on the console; null: nobody. Set before start().
  void set_operator(op::Operator* house) { operator_ = house; }
  op::Operator* house() const { return operator_; }
  // For commands of the console, which wait for the workers.
  Offload& console_offload() { return *console_offload_; }
  // What sessions that log in now are under. Only after start().
  const PolicyPtr& policy() const { return policy_; }
  // Files of middleware that were moved away are opened anew. From any thread, after start().
  void reopen_files() { policy_->reopen(); }
  BackendPools& pools() { return pools_; }
  Credentials& credentials() { return credentials_; }
  Offload& offload() { return offload_; }
  // For the name service, whose silence must not hold up the logins.
  Offload& lookups() { return lookups_; }
  Resolver& resolver() { return resolver_; }
  Upkeep& upkeep() { return upkeep_; }
  Worker& worker(std::size_t index) { return *workers_[index]; }
  std::size_t worker_count() const { return workers_.size(); }
  Cancels& cancels() { return cancels_; }
  Gate& gate() { return gate_; }
  std::uint64_t new_backend_id() { return backend_ids_.fetch_add(1, std::memory_order_relaxed); }
  std::shared_ptr<const protocol::RsaKey> rsa_key() const { return rsa_key_; }
  const std::string& mock_salt_key() const { return mock_salt_key_; }

  // What a backend of this pool is logged in with, whatever route it will serve.
  std::shared_ptr<const protocol::SessionDefaults> defaults(const config::Pool& pool);
  // A backend of the first pool that this MySQL listener's routes lead to is asked for its version
  // once, so that a client is greeted with what it will talk to.
  Task<void> learn_version(Worker& worker, const Listener& listener);
  std::string advertised_version(const Listener& listener);

  // Called by the acceptor for each new connection, on its thread. Takes the descriptor.
  void accepted(const Listener& listener, int fd, std::string peer);
  void client_left();

 private:
  Task<bool> may_ask_version(Worker& worker);
  protocol::Status make_listeners();
  void refuse(const Listener& listener, int fd);
  std::size_t console_reserve() const;
  Worker& least_loaded();
  void open_named_pools();
  void close_backends();
  const config::Pool* greeting_pool() const;

  std::shared_ptr<const config::Config> config_;
  Policy::Maker maker_;
  PolicyPtr policy_;
  metrics::Registry& registry_;
  Gate gate_;
  Credentials credentials_;
  Resolver resolver_;
  Cancels cancels_;
  std::shared_ptr<const protocol::RsaKey> rsa_key_;
  std::string mock_salt_key_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Offload offload_;                           // ends before the workers, whose loops it calls
  Offload lookups_;                           // likewise
  std::unique_ptr<Offload> console_offload_;  // likewise; ends with join(), before the Operator
  Upkeep upkeep_;                             // outlives the pools, which call it
  BackendPools pools_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  op::Operator* operator_ = nullptr;
  std::atomic<std::uint64_t> backend_ids_{1};
  std::atomic<std::size_t> clients_{0};
  std::atomic<bool> running_{false};
  std::atomic<bool> draining_{false};

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const protocol::SessionDefaults>> defaults_;  // by pool
  std::string mysql_version_;
  bool asking_version_ = false;
  TimePoint mysql_version_asked_{};
};

}  // namespace sluice::proxy
