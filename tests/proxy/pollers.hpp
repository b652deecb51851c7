#pragma once

// Tests that run with both pollers. Where the kernel allows no io_uring, those for it are skipped.

#include <gtest/gtest.h>

#include <string>

#include "proxy/loop.hpp"
#include "proxy/ring.hpp"

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

inline std::string poller_of(const testing::TestParamInfo<Poller>& info) {
  return info.param == Poller::epoll ? "epoll" : "io_uring";
}

}  // namespace sluice::proxy
