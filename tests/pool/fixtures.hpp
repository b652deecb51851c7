#pragma once

// Members, waiters and a clock for the tests of the pool.

#include <chrono>
#include <optional>
#include <variant>

#include "pool/pool.hpp"

namespace sluice::pool::test {

using namespace std::chrono_literals;

// `t(5s)` is five seconds after an arbitrary beginning.
inline TimePoint t(Duration since_start) {
  return TimePoint(1000h) + since_start;
}

struct TestMember : Member {
  TestMember() = default;
  TestMember(std::uint32_t its_worker, std::uint64_t its_class, std::uint64_t its_state) {
    worker = its_worker;
    fit_class = its_class;
    state_hash = its_state;
  }
};

// Remembers the one decision that it is told.
struct TestWaiter : Waiter {
  void deliver(Decision decision) override {
    ++deliveries;
    told = decision;
  }
  int deliveries = 0;
  std::optional<Decision> told;
};

inline Member* reused(const Decision& decision) {
  const Reuse* reuse = std::get_if<Reuse>(&decision);
  return reuse != nullptr ? reuse->member : nullptr;
}
inline bool pinged(const Decision& decision) {
  return std::get<Reuse>(decision).ping;
}
inline bool opens(const Decision& decision) {
  return std::holds_alternative<Open>(decision);
}
inline bool queued(const Decision& decision) {
  return std::holds_alternative<Queued>(decision);
}
inline bool closed(const Decision& decision) {
  return std::holds_alternative<Closed>(decision);
}

}  // namespace sluice::pool::test
