#pragma once

// The running process: workers, listeners, pools, and what all sessions share. Built from a checked
// configuration; start(), then drain() and join().

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/schedule/in_force.hpp"
#include "metrics/registry.hpp"
#include "protocol/conversation.hpp"
#include "protocol/result.hpp"
#include "proxy/acceptor.hpp"
#include "proxy/backend_pool.hpp"
#include "proxy/cancel.hpp"
#include "proxy/credentials.hpp"
#include "proxy/inherited_sockets.hpp"
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

  // A configuration as it is to come into force: all that can fail has been done.
  struct Change;
  // Nothing is changed by it, but that addresses of new listeners are bound. From any thread.
  protocol::Result<std::shared_ptr<Change>> prepare(std::shared_ptr<const config::Config> config);
  // Puts it in the place of the one in force; sessions that it takes the ground from are asked to
  // leave. From any thread but a worker's; one change after the other, each prepared after the last
  // one was applied. What only a restart brings stays as it is.
  void apply(const std::shared_ptr<Change>& change);
  // Other sizes for one pool, in the configuration in force. From any thread but a worker's; one
  // change after the other, as apply(). Before start() for what it starts with. False: there is no
  // such pool.
  bool resize(const std::string& pool, const config::schedule::Sizes& sizes);
  // Lets go of policies that no session has any more, which may wait for files. Not on a worker's
  // thread. True: there are some that sessions still have.
  bool forget_former();

  // Stops accepting and asks every session to end at its next transaction end. From any thread.
  void drain();
  // Only the first half of drain(): those who are in may stay.
  void stop_accepting();
  // Likewise, for another process that has the sockets too: nobody is turned away. Returns when
  // nothing more is accepted here, after a second at the latest. Not on a worker's thread.
  void hand_over();
  // What is listened on now. Not on a worker's thread.
  std::vector<InheritedSockets::Socket> sockets();
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
  // Nobody new is accepted, for good.
  bool stopping() const { return stopping_; }
  std::size_t clients() const { return clients_.load(std::memory_order_relaxed); }
  // The one in force.
  std::shared_ptr<const config::Config> config() const;
  // Sockets to listen on in place of new ones, and those that are left of them. Until start()
  // returns.
  void inherit(InheritedSockets sockets) { inherited_ = std::move(sockets); }
  InheritedSockets& inherited() { return inherited_; }
  // Who answers what operators ask, for sessions on the console; null: nobody. Set before start().
  void set_operator(op::Operator* house) { operator_ = house; }
  op::Operator* house() const { return operator_; }
  // For commands of the console, which wait for the workers.
  Offload& console_offload() { return *console_offload_; }
  // What sessions that log in now are under. Only after start().
  PolicyPtr policy() const;
  // Files of middleware that were moved away are opened anew. From any thread, after start().
  void reopen_files();
  BackendPools& pools() { return pools_; }
  std::shared_ptr<Credentials> credentials() const;
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
  const std::string& mock_salt_key() const { return mock_salt_key_; }

  // A backend of the first pool that MySQL clients' routes lead to is asked for its version
  // once, so that a client is greeted with what it will talk to.
  Task<void> learn_version(Worker& worker, config::Protocol protocol);
  std::string advertised_version(const Listener& listener);

  // Called by the acceptor for each new connection, on its thread. Takes the descriptor.
  void accepted(const ListenerPtr& listener, int fd, std::string peer);
  void client_left();

 private:
  Task<bool> may_ask_version(Worker& worker);
  void refuse(const Listener& listener, int fd);
  std::size_t console_reserve() const;
  Worker& least_loaded();
  void open_named_pools();
  void close_backends();

  // server_reload.cpp
  // A listening socket, or the several of one listener, and whom it serves.
  struct Listening {
    ListenerPtr listener;
    std::vector<std::shared_ptr<Acceptor>> acceptors;
  };
  protocol::Status prepare_listener(Change& change, const config::Listener& entry);
  void listen(std::vector<Listening> listening);
  // On the thread of the acceptors.
  void each_acceptor(const std::function<void(Acceptor&)>& act);
  void ask_sessions_to_leave(const std::vector<BackendPoolPtr>& gone);

  const Policy::Maker maker_;
  metrics::Registry& registry_;
  Gate gate_;
  Resolver resolver_;
  Cancels cancels_;
  std::string mock_salt_key_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Offload offload_;                           // ends before the workers, whose loops it calls
  Offload lookups_;                           // likewise
  std::unique_ptr<Offload> console_offload_;  // likewise; ends with join(), before the Operator
  Upkeep upkeep_;                             // outlives the pools, which call it
  BackendPools pools_;
  op::Operator* operator_ = nullptr;
  InheritedSockets inherited_;
  std::atomic<std::uint64_t> backend_ids_{1};
  std::atomic<std::size_t> clients_{0};
  std::atomic<std::size_t> max_clients_{0};
  std::atomic<bool> running_{false};
  std::atomic<bool> draining_{false};
  std::atomic<bool> stopping_{false};

  mutable std::mutex mutex_;  // of all that follows
  std::shared_ptr<const config::Config> config_;
  PolicyPtr policy_;
  std::vector<PolicyPtr> former_;  // that sessions may still have
  std::shared_ptr<Credentials> credentials_;
  std::vector<Listening> listening_;
  std::string mysql_version_;
  bool asking_version_ = false;
  TimePoint mysql_version_asked_{};
};

}  // namespace sluice::proxy
