#pragma once

// `io: auto | epoll | io_uring` of the configuration, and what comes of it on this machine.

#include <string>

#include "config/config.hpp"
#include "protocol/result.hpp"
#include "proxy/loop.hpp"

namespace sluice::proxy {

struct PollerChoice {
  Poller poller = Poller::epoll;
  std::string why;
};

// Tries the kernel. Fails when io_uring is asked for and cannot be had.
protocol::Result<PollerChoice> choose_poller(config::Io io);
const char* poller_name(Poller poller);

}  // namespace sluice::proxy
