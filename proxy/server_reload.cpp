// From one configuration to the next while clients are served; the first one comes the same way.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <iterator>
#include <thread>
#include <utility>

#include "config/url.hpp"
#include "metrics/log.hpp"
#include "proxy/checkout.hpp"
#include "proxy/server.hpp"
#include "proxy/server_change.hpp"
#include "proxy/session.hpp"

namespace sluice::proxy {
namespace {

// Whether a socket that listens for the one can serve the other; port 0 is another port each time.
bool same_socket(const config::Listener& a, const config::Listener& b) {
  const config::Address& one = a.bind;
  const config::Address& other = b.bind;
  return one.host == other.host && one.port == other.port && one.unix_path == other.unix_path &&
         (one.port != 0 || !one.unix_path.empty() || a.name == b.name);
}

// What MySQL clients are greeted as.
std::string greeting_url(const config::Config& config) {
  const config::Pool* pool = greeting_pool(config);
  return pool == nullptr ? std::string() : config::print_pool_url(*pool);
}

void close_all(const std::vector<BackendPoolPtr>& pools) {
  for (const BackendPoolPtr& pool : pools) {
    for (pool::Member* member : pool->slots.shut_down(pool::CloseReason::reload)) {
      close_slot(Backend::reclaim(*member), pool::CloseReason::reload);
    }
  }
}

}  // namespace

const config::Pool* greeting_pool(const config::Config& config) {
  for (const config::Route& route : config.routes) {
    const config::Pool* pool = config.find_pool(route.pool);
    if (pool != nullptr && pool->protocol == config::Protocol::mysql) {
      return pool;
    }
  }
  return nullptr;
}

protocol::Result<std::shared_ptr<Server::Change>> Server::prepare(
    std::shared_ptr<const config::Config> config) {
  auto change = std::make_shared<Change>();
  change->config = std::move(config);
  auto pools = pools_.prepare(change->config);
  if (!pools) {
    return std::move(pools.failure());
  }
  change->pools = std::move(*pools);
  const auto previous = credentials();
  change->credentials = std::make_shared<Credentials>(change->config->users, previous.get());
  for (const config::Listener& entry : change->config->listeners) {
    if (auto status = prepare_listener(*change, entry); !status) {
      return std::move(status.failure());
    }
  }
  // Last: middleware that both have, and its files, are not only the new one's.
  const PolicyPtr former = policy();
  auto policy = Policy::make(change->config, registry_, static_cast<std::uint32_t>(workers_.size()),
                             maker_, former.get());
  if (!policy) {
    return std::move(policy.failure());
  }
  change->policy = std::move(*policy);
  return change;
}

// With the socket of one that is there, or with sockets of its own.
protocol::Status Server::prepare_listener(Change& change, const config::Listener& entry) {
  const auto all = [this] {
    const std::lock_guard lock(mutex_);
    return listening_;
  }();
  const auto free = [&](const Listening& one) {
    return same_socket(*one.listener->config, entry) &&
           std::none_of(change.listening.begin(), change.listening.end(), [&](const Listening& o) {
             return o.acceptors.front() == one.acceptors.front();
           });
  };
  const auto kept = std::find_if(all.begin(), all.end(), free);
  const auto named = std::find_if(all.begin(), all.end(), [&](const Listening& one) {
    return one.listener->config->name == entry.name;
  });
  const Listener* previous = named != all.end()  ? named->listener.get()
                             : kept != all.end() ? kept->listener.get()
                                                 : nullptr;
  auto listener = make_listener(change.config, entry, registry_,
                                static_cast<std::uint32_t>(workers_.size()), previous);
  if (!listener) {
    return std::move(listener.failure());
  }
  if (kept != all.end()) {
    change.listening.push_back({std::move(*listener), kept->acceptors});
    return protocol::Done{};
  }
  auto acceptors = Acceptor::open(*this, *listener);
  if (!acceptors) {
    return std::move(acceptors.failure());
  }
  Listening& opened = change.listening.emplace_back();
  opened.listener = std::move(*listener);
  std::move(acceptors->begin(), acceptors->end(), std::back_inserter(opened.acceptors));
  return protocol::Done{};
}

void Server::apply(const std::shared_ptr<Change>& change) {
  // A login that has found its route in the policy before is refused from here on, if its pool has
  // gone: for as long as it takes to come to the policy.
  const std::vector<BackendPoolPtr> gone = pools_.apply(std::move(change->pools), Clock::now());
  max_clients_.store(change->config->limits.max_client_connections, std::memory_order_relaxed);
  registry_.set_max_client_connections(change->config->limits.max_client_connections);
  std::vector<Listening> listening;
  {
    const std::lock_guard lock(mutex_);
    if (greeting_url(*config_) != greeting_url(*change->config)) {
      mysql_version_.clear();
      mysql_version_asked_ = {};
    }
    config_ = change->config;
    if (policy_ != nullptr) {
      former_.push_back(std::move(policy_));
    }
    policy_ = change->policy;
    credentials_ = change->credentials;
    listening = std::exchange(listening_, change->listening);
  }
  open_named_pools();
  listen(std::move(listening));
  ask_sessions_to_leave(gone);
}

bool Server::resize(const std::string& pool, const config::schedule::Sizes& sizes) {
  const auto next = std::make_shared<config::Config>(*config());
  const auto entry = std::find_if(next->pools.begin(), next->pools.end(),
                                  [&pool](const config::Pool& one) { return one.name == pool; });
  if (entry == next->pools.end()) {
    return false;
  }
  config::schedule::set_sizes(*entry, sizes);
  pools_.resize(next, *entry, Clock::now());
  {
    const std::lock_guard lock(mutex_);
    config_ = next;
  }
  if (running_) {
    open_named_pools();  // min_idle may have come
  }
  return true;
}

// Serves listening_, and ends what is left of those before it. The clients that wait in the kernel
// for a socket that goes on are accepted for its new listener.
void Server::listen(std::vector<Listening> before) {
  Worker& first = *workers_.front();
  first.loop.call([this, &first, before = std::move(before)]() mutable {
    std::vector<std::shared_ptr<Acceptor>> left;
    for (Listening& one : before) {
      std::move(one.acceptors.begin(), one.acceptors.end(), std::back_inserter(left));
    }
    std::vector<Listening> now;
    {
      const std::lock_guard lock(mutex_);
      now = listening_;
    }
    for (const Listening& one : now) {
      for (const auto& acceptor : one.acceptors) {
        acceptor->serve(one.listener);
        if (std::erase(left, acceptor) == 0 && !stopping_) {
          acceptor->start(first.loop);
          metrics::log::info("listening", {{"address", acceptor->bound()}});
        }
      }
      // So that the first client need not wait.
      spawn(gate_, learn_version(first, one.listener->config->protocol));
    }
    for (const auto& acceptor : left) {
      acceptor->stop();
      metrics::log::info("listening_ended", {{"address", acceptor->bound()}});
    }
  });
}

void Server::each_acceptor(const std::function<void(Acceptor&)>& act) {
  std::vector<Listening> all;
  {
    const std::lock_guard lock(mutex_);
    all = listening_;
  }
  for (const Listening& one : all) {
    for (const auto& acceptor : one.acceptors) {
      act(*acceptor);
    }
  }
}

void Server::stop_accepting() {
  stopping_ = true;
  workers_.front()->loop.call([this] { each_acceptor([](Acceptor& one) { one.stop(); }); });
}

void Server::hand_over() {
  stopping_ = true;
  workers_.front()->loop.call([this] { each_acceptor([](Acceptor& one) { one.hand_over(); }); });
  for (int i = 0; i < 1000 && !sockets().empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

std::vector<InheritedSockets::Socket> Server::sockets() {
  std::promise<std::vector<InheritedSockets::Socket>> found;
  workers_.front()->loop.call([this, &found] {
    std::vector<InheritedSockets::Socket> all;
    each_acceptor([&all](Acceptor& one) {
      if (one.accepts()) {
        all.push_back(one.socket());
      }
    });
    found.set_value(std::move(all));
  });
  return found.get_future().get();
}

// On each worker; when the last one has done so, the pools that are gone close.
void Server::ask_sessions_to_leave(const std::vector<BackendPoolPtr>& gone) {
  const auto left = std::make_shared<std::atomic<std::size_t>>(workers_.size());
  for (auto& worker : workers_) {
    worker->loop.call([this, &worker = *worker, left, gone] {
      const auto known = credentials();
      auto sessions = worker.sessions;  // a copy: a session may leave while we go through them
      for (Session* session : sessions) {
        session->leave_if_gone(*known);
      }
      if (!sessions.empty()) {
        worker.start_sweep();
      }
      if (left->fetch_sub(1) == 1) {
        close_all(gone);
      }
    });
  }
}

bool Server::forget_former() {
  std::vector<PolicyPtr> unused;
  const std::lock_guard lock(mutex_);
  std::erase_if(former_, [&](PolicyPtr& policy) {
    const bool mine = policy.use_count() == 1;
    if (mine) {
      unused.push_back(std::move(policy));
    }
    return mine;
  });
  return !former_.empty();
}

void Server::reopen_files() {
  std::vector<PolicyPtr> all;
  {
    const std::lock_guard lock(mutex_);
    all = former_;
    all.push_back(policy_);
  }
  for (const PolicyPtr& policy : all) {
    policy->reopen();
  }
}

}  // namespace sluice::proxy
