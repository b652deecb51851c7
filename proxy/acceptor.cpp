#include "proxy/acceptor.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "metrics/log.hpp"
#include "proxy/address.hpp"
#include "proxy/server.hpp"

namespace sluice::proxy {
namespace {

constexpr int kBacklog = 1024;
constexpr int kAcceptsPerTurn = 64;  // so that a storm of connects does not stall running queries
constexpr auto kPause = std::chrono::milliseconds(100);

// Of one connection that has gone before it was accepted, or of the call itself: the next is fine.
bool passes_by(int error) {
  return error == EINTR || error == ECONNABORTED || error == EPROTO;
}

protocol::Failure cannot_listen(const Listener& listener, int error) {
  return protocol::fail(protocol::FailureKind::internal,
                        "listener " + listener.config->name + " cannot listen on " +
                            to_string(listener.config->bind) + ": " + std::strerror(error));
}

// Inherited by what is accepted.
void tune(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

// A listening socket, or -1 and why not.
int listen_on(const SocketAddress& address, int& error) {
  int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    error = errno;
    return -1;
  }
  int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!address.local()) {
    tune(fd);
  }
  if (address.family() == AF_INET6) {
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (address.local()) {
    // Left over from a process that was killed; a running one's would be taken over, as with
    // every server of this kind.
    ::unlink(reinterpret_cast<const sockaddr_un*>(address.data())->sun_path);
  }
  if (::bind(fd, address.data(), address.length) != 0 || ::listen(fd, kBacklog) != 0) {
    error = errno;
    ::close(fd);
    return -1;
  }
  return fd;
}

}  // namespace

protocol::Result<std::vector<std::unique_ptr<Acceptor>>> Acceptor::open(
    Server& server, const ListenerPtr& listener) {
  const config::Address& bind = listener->config->bind;
  InheritedSockets& inherited = server.inherited();
  if (auto named = inherited.claim_named(listener->config->name); !named.empty()) {
    return adopt(server, listener, std::move(named));
  }
  auto addresses = resolve(bind, Purpose::listen);
  if (!addresses) {
    return std::move(addresses.failure());
  }
  std::vector<std::unique_ptr<Acceptor>> acceptors;
  for (const SocketAddress& address : *addresses) {
    if (auto bound = inherited.claim_bound(address)) {
      auto adopted = adopt(server, listener, {*std::move(bound)});
      acceptors.push_back(std::move(adopted.front()));
      continue;
    }
    int error = 0;
    int fd = listen_on(address, error);
    if (fd < 0 && error == EAFNOSUPPORT && addresses->size() > 1) {
      continue;  // all addresses were asked for, on a host without IPv6
    }
    if (fd < 0) {
      return cannot_listen(*listener, error);
    }
    acceptors.emplace_back(new Acceptor(server, listener, fd, to_string(address)));
  }
  if (acceptors.empty()) {
    return cannot_listen(*listener, EAFNOSUPPORT);
  }
  return acceptors;
}

std::vector<std::unique_ptr<Acceptor>> Acceptor::adopt(
    Server& server, const ListenerPtr& listener, std::vector<InheritedSockets::Socket> sockets) {
  std::vector<std::unique_ptr<Acceptor>> acceptors;
  for (InheritedSockets::Socket& socket : sockets) {
    tune(socket.fd);
    metrics::log::info("listener_inherited",
                       {{"listener", listener->config->name}, {"address", socket.bound}});
    acceptors.emplace_back(new Acceptor(server, listener, socket.fd, socket.bound));
    acceptors.back()->name_ = socket.name;
  }
  return acceptors;
}

Acceptor::Acceptor(Server& server, ListenerPtr listener, int fd, std::string bound)
    : server_(server), listener_(std::move(listener)), fd_(fd), bound_(std::move(bound)) {}

Acceptor::~Acceptor() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
  const bool ours = name_ == InheritedSockets::kHandedOver;
  if (ours && !listener_->config->bind.unix_path.empty()) {
    ::unlink(listener_->config->bind.unix_path.c_str());
  }
}

void Acceptor::start(Loop& loop) {
  loop_ = &loop;
  pause_ = std::make_unique<Timer>(loop);
  if (loop.ring() != nullptr) {
    ask_ring();
  } else if (!loop_->watch(fd_, *this)) {
    metrics::log::error("listener_not_watched",
                        {{"listener", listener_->config->name}, {"error", std::strerror(errno)}});
  }
}

void Acceptor::stop() {
  if (loop_ == nullptr) {
    return;
  }
  if (loop_->ring() != nullptr) {
    loop_->ring()->drop(accepting_);
    for (const int fd : std::exchange(accepted_, {})) {
      if (fd >= 0) {
        ::close(fd);
      }
    }
  } else {
    loop_->unwatch(fd_, *this);
  }
  pause_.reset();
  loop_ = nullptr;
  // Clients that were not accepted yet are refused now instead of when the process ends.
  ::close(std::exchange(fd_, -1));
}

void Acceptor::hand_over() {
  name_ = InheritedSockets::kUnnamed;  // a path is the other's to remove
  if (loop_ == nullptr) {
    return;
  }
  if (loop_->ring() == nullptr) {
    stop();
    return;
  }
  leaving_ = true;
  if (accepting_ != nullptr) {
    loop_->ring()->cancel(accepting_);  // what it has accepted until then comes first
  } else if (accepted_.empty()) {
    stop();
  }
}

InheritedSockets::Socket Acceptor::socket() const {
  return {fd_, name_, bound_};
}

void Acceptor::ask_ring() {
  if (leaving_) {
    return;
  }
  if (accepting_ == nullptr && !loop_->ring()->accept(accepting_, fd_, *this)) {
    pause(EAGAIN);
  }
}

void Acceptor::on_accepted(int result) {
  accepted_.push_back(result);
  if (accepted_.size() == 1) {
    loop_->call([self = shared_from_this()] { self->take_accepted(); });
  }
}

void Acceptor::take_accepted() {
  if (loop_ == nullptr) {
    return;
  }
  int error = 0;
  const auto share = std::min<std::size_t>(accepted_.size(), kAcceptsPerTurn);
  const std::vector<int> turn(accepted_.begin(),
                              accepted_.begin() + static_cast<std::ptrdiff_t>(share));
  accepted_.erase(accepted_.begin(), accepted_.begin() + static_cast<std::ptrdiff_t>(share));
  for (const int result : turn) {
    if (result < 0) {
      error = -result;
      continue;
    }
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    if (::getpeername(result, reinterpret_cast<sockaddr*>(&peer), &length) != 0) {
      ::close(result);  // it has gone already
      continue;
    }
    server_.accepted(listener_, result,
                     to_string(socket_address(reinterpret_cast<sockaddr*>(&peer), length)));
  }
  if (!accepted_.empty()) {
    loop_->call([self = shared_from_this()] { self->take_accepted(); });
  }
  if (leaving_) {
    if (accepting_ == nullptr && accepted_.empty()) {
      stop();
    }
  } else if (error == 0 || passes_by(error)) {
    ask_ring();
  } else if (error != ECANCELED) {
    pause(error);
  }
}

void Acceptor::on_events(std::uint32_t /*events*/) {
  accept_soon();
}

void Acceptor::accept_soon() {
  loop_->call([self = shared_from_this()] {
    if (self->accepts()) {
      self->accept_all();
    }
  });
}

void Acceptor::accept_all() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    int fd =
        ::accept4(fd_, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return;
      }
      if (passes_by(errno)) {
        continue;
      }
      pause(errno);
      return;
    }
    server_.accepted(listener_, fd,
                     to_string(socket_address(reinterpret_cast<sockaddr*>(&peer), length)));
  }
  accept_soon();
}

// Descriptors or memory have run out: those that wait stay in the kernel's queue.
void Acceptor::pause(int error) {
  metrics::log::warning("accept_paused",
                        {{"listener", listener_->config->name}, {"error", std::strerror(error)}});
  pause_->arm(loop_->now() + kPause,
              [this] { loop_->ring() != nullptr ? ask_ring() : accept_all(); });
}

}  // namespace sluice::proxy
