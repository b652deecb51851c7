#include "proxy/server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <thread>
#include <utility>

#include "metrics/log.hpp"
#include "protocol/crypto.hpp"
#include "proxy/connect.hpp"
#include "proxy/server_change.hpp"
#include "proxy/session.hpp"

namespace sluice::proxy {
namespace {

using protocol::FailureKind;

constexpr std::size_t kOffloadThreads = 2;
constexpr std::size_t kOffloadQueue = 1024;
constexpr std::size_t kLookupThreads = 2;
constexpr std::size_t kConsoleThreads = 2;
constexpr std::size_t kConsoleQueue = 64;
// Clients that are accepted above the limit, so that somebody can look into why it is reached.
constexpr std::size_t kConsoleReserve = 4;
constexpr auto kJoinLimit = std::chrono::seconds(10);
constexpr auto kVersionPoll = std::chrono::milliseconds(2);
constexpr auto kVersionRetry = std::chrono::seconds(1);
// What a MySQL client is told while no backend has answered yet.
constexpr const char* kFallbackVersion = "8.0.0-sluice";

// The cores that this container may use: the affinity mask, or less by the cgroup's quota.
unsigned available_cores() {
  unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0;
  double period = 0;
  if (file >> quota >> period && quota > 0 && period > 0) {
    cores = std::min(cores, static_cast<unsigned>(std::ceil(quota / period)));
  }
  return cores;
}

unsigned worker_count(const config::Config& config) {
  return config.workers != 0 ? config.workers : available_cores();
}

}  // namespace

Server::Server(std::shared_ptr<const config::Config> config, metrics::Registry& registry,
               Poller poller, Policy::Maker maker)
    : maker_(std::move(maker)),
      registry_(registry),
      offload_(kOffloadThreads, kOffloadQueue),
      lookups_(kLookupThreads, kOffloadQueue),
      console_offload_(std::make_unique<Offload>(kConsoleThreads, kConsoleQueue)),
      upkeep_(*this),
      pools_(registry, proxy::worker_count(*config)),
      config_(std::move(config)),
      credentials_(std::make_shared<Credentials>(config_->users)) {
  auto random = protocol::random_bytes(32);
  mock_salt_key_.assign(random.begin(), random.end());
  for (unsigned i = 0; i < proxy::worker_count(*config_); ++i) {
    workers_.push_back(std::make_unique<Worker>(*this, i, registry.add_worker(), poller));
  }
}

Server::~Server() = default;

protocol::Status Server::start() {
  pools_.on_made([this](const BackendPoolPtr& pool) {
    pool->slots.on_tick_wanted([this] { upkeep_.run_soon(); });
  });
  auto first = prepare(config());
  if (!first) {
    return std::move(first.failure());
  }
  for (auto& worker : workers_) {
    worker->start();
  }
  for (const std::string& address : inherited_.unclaimed()) {
    metrics::log::warning("inherited_socket_unused", {{"address", address}});
  }
  inherited_ = {};
  apply(*first);
  workers_.front()->loop.call([this] { upkeep_.start(*workers_.front()); });
  running_ = true;
  return protocol::Done{};
}

std::shared_ptr<const config::Config> Server::config() const {
  const std::lock_guard lock(mutex_);
  return config_;
}

PolicyPtr Server::policy() const {
  const std::lock_guard lock(mutex_);
  return policy_;
}

std::shared_ptr<Credentials> Server::credentials() const {
  const std::lock_guard lock(mutex_);
  return credentials_;
}

void Server::accepted(const ListenerPtr& listener, int fd, std::string peer) {
  const std::size_t clients = clients_.load(std::memory_order_relaxed);
  const std::size_t limit = max_clients_.load(std::memory_order_relaxed);
  if (clients >= limit && clients - limit >= console_reserve()) {
    refuse(*listener, fd);
    return;
  }
  const bool in_reserve = clients >= limit;
  clients_.fetch_add(1, std::memory_order_relaxed);
  Worker& worker = least_loaded();
  worker.session_count.fetch_add(1, std::memory_order_relaxed);
  worker.loop.call([this, &worker, listener, fd, in_reserve, peer = std::move(peer)] {
    auto session = std::make_shared<Session>(worker, listener, fd, peer);
    if (in_reserve) {
      session->be_in_reserve();
    }
    spawn(gate_, session->run());
    if (draining_) {
      session->drain();
    }
  });
}

bool Server::over_limit() const {
  return clients_.load(std::memory_order_relaxed) > max_clients_.load(std::memory_order_relaxed);
}

// None where nobody could use the console.
std::size_t Server::console_reserve() const {
  const auto now = config();
  const bool admins = std::any_of(now->users.begin(), now->users.end(), [](const auto& user) {
    return user.admin != config::AdminRight::none;
  });
  return operator_ != nullptr && admins && !now->admin.console_database.empty() ? kConsoleReserve
                                                                                : 0;
}

protocol::Failure Server::too_many_clients() const {
  return protocol::fail(FailureKind::too_many_clients,
                        "too many clients: max_client_connections is " +
                            std::to_string(max_clients_.load(std::memory_order_relaxed)));
}

void Server::refuse(const Listener& listener, int fd) {
  auto failure = too_many_clients();
  listener.instruments.front()->rejected(failure.kind).add();
  metrics::log::failed("client_rejected", failure, {{"listener", listener.config->name}});
  auto bytes = listener.dialect->greeting_error(failure);
  // One attempt: a fresh socket takes so few bytes, and nobody waits for one that does not.
  [[maybe_unused]] auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  ::shutdown(fd, SHUT_WR);
  ::close(fd);
}

Worker& Server::least_loaded() {
  auto load = [](const std::unique_ptr<Worker>& worker) {
    return worker->session_count.load(std::memory_order_relaxed);
  };
  return **std::min_element(workers_.begin(), workers_.end(),
                            [&](const auto& a, const auto& b) { return load(a) < load(b); });
}

void Server::client_left() {
  clients_.fetch_sub(1, std::memory_order_release);
}

Task<void> Server::learn_version(Worker& worker, config::Protocol protocol) {
  if (protocol != config::Protocol::mysql || !co_await may_ask_version(worker)) {
    co_return;
  }
  protocol::Result<std::string> version = std::string();
  const auto config = this->config();
  if (const config::Pool* pool = greeting_pool(*config); pool != nullptr) {
    if (auto asked = pools_.get(*pool, pool->user, pool->database)) {
      version = co_await ask_version(worker, std::move(asked));
    }
  }
  std::lock_guard lock(mutex_);
  asking_version_ = false;
  mysql_version_asked_ = worker.loop.now();
  if (version) {
    mysql_version_ = *version;
  }
}

// True for the one that is to ask. The others wait for its answer: what a client is greeted with
// must not depend on how many come at once.
Task<bool> Server::may_ask_version(Worker& worker) {
  Signal never(worker.loop);
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      bool answered = worker.loop.now() < mysql_version_asked_ + kVersionRetry;
      if (!mysql_version_.empty() || (answered && !asking_version_)) {
        co_return false;
      }
      if (!asking_version_) {
        asking_version_ = true;
        co_return true;
      }
    }
    co_await never.wait_until(worker.loop.now() + kVersionPoll);
  }
}

std::string Server::advertised_version(const Listener& listener) {
  if (listener.config->protocol != config::Protocol::mysql) {
    return {};
  }
  std::lock_guard lock(mutex_);
  return mysql_version_.empty() ? kFallbackVersion : mysql_version_;
}

// Those that are to be warm before the first client has come, as far as it is known who logs in.
void Server::open_named_pools() {
  const auto config = this->config();
  for (const config::Pool& pool : config->pools) {
    if (pool.min_idle > 0 && !pool.user.empty() && pool.password && !pool.database.empty()) {
      pools_.get(pool, pool.user, pool.database);
    }
  }
}

void Server::drain() {
  draining_ = true;
  stop_accepting();
  for (auto& worker : workers_) {
    worker->loop.call([&worker = *worker] {
      auto sessions = worker.sessions;  // a copy: a session may leave while we go through them
      for (Session* session : sessions) {
        session->drain();
      }
    });
  }
}

void Server::stop_now() {
  for (auto& worker : workers_) {
    worker->loop.call([&worker = *worker] {
      auto why = protocol::fail(FailureKind::shutting_down, "sluice is shutting down");
      auto sessions = worker.sessions;
      for (Session* session : sessions) {
        session->kill(why);
      }
    });
  }
}

void Server::close_backends() {
  for (pool::Member* member : pools_.shut_down()) {
    close_slot(Backend::reclaim(*member), pool::CloseReason::drain);
  }
}

void Server::join() {
  if (!running_) {
    return;
  }
  workers_.front()->loop.call([this] {
    upkeep_.stop();
    close_backends();
  });
  // Everything that runs is bounded by timeouts of its own; this only notices the end of it. What
  // is left after kJoinLimit, a query on a backend that does not answer, ends with the process.
  TimePoint give_up = Clock::now() + kJoinLimit;
  while (!gate_.empty() && Clock::now() < give_up) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  stop_accepting();
  for (auto& worker : workers_) {
    worker->stop();
  }
  console_offload_.reset();
  const std::lock_guard lock(mutex_);
  listening_.clear();
  running_ = false;
}

}  // namespace sluice::proxy
