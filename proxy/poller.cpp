#include "proxy/poller.hpp"

#include "proxy/ring.hpp"

namespace sluice::proxy {

const char* poller_name(Poller poller) {
  return poller == Poller::io_uring ? "io_uring" : "epoll";
}

protocol::Result<PollerChoice> choose_poller(config::Io io) {
  if (io == config::Io::epoll) {
    return PollerChoice{Poller::epoll, "io: epoll"};
  }
  std::string obstacle = Ring::unavailable();
  if (obstacle.empty()) {
    return PollerChoice{Poller::io_uring, io == config::Io::automatic
                                              ? "io: auto; the kernel allows io_uring"
                                              : "io: io_uring"};
  }
  if (io == config::Io::io_uring) {
    return protocol::fail(
        protocol::FailureKind::internal,
        "io: io_uring cannot be used here: " + obstacle + "; set io to auto or epoll, or allow it");
  }
  return PollerChoice{Poller::epoll, "io: auto; " + obstacle};
}

}  // namespace sluice::proxy
