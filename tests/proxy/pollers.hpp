#pragma once

// Tests that run with both pollers. Where the kernel allows no io_uring, those for it are skipped.

#include <gtest/gtest.h>

#include <string>

#include "proxy/loop.hpp"
#include "proxy/ring.hpp"
#include "proxy/stream.hpp"

namespace sluice::proxy {

// What a loop can be made with here.
inline Poller possible(Poller wanted) {
  return wanted == Poller::io_uring && !Ring::unavailable().empty() ? Poller::epoll : wanted;
}

// The loop is its member `loop`, made before SetUp().
struct WithPoller : testing::TestWithParam<Poller> {
  void SetUp() override {
    if (loop.ring() == nullptr && GetParam() == Poller::io_uring) {
      GTEST_SKIP() << Ring::unavailable();
    }
  }

  Loop loop{possible(GetParam())};
};

// Reads to the end, `limit` bytes at a time, and stops the loop.
inline Task<void> read_all(Stream& stream, std::string& got, Arrival& last, std::size_t limit) {
  for (;;) {
    Chunk chunk = co_await stream.receive(limit);
    last = chunk.arrival();
    if (chunk.has_data()) {
      got += protocol::as_text(chunk.bytes());
    } else if (!chunk.spurious()) {
      break;
    }
  }
  stream.loop().stop();
}

inline std::string poller_of(const testing::TestParamInfo<Poller>& info) {
  return info.param == Poller::epoll ? "epoll" : "io_uring";
}

}  // namespace sluice::proxy
