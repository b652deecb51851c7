#pragma once

// Members, waiters and a clock for the tests of the pool.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <variant>

#include "pool/pool_state.hpp"

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

inline Limits sized(std::size_t pool_size, int max_overflow = 0) {
  Limits limits;
  limits.pool_size = pool_size;
  limits.max_overflow = max_overflow;
  return limits;
}

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
inline bool refused(const Decision& decision) {
  return std::holds_alternative<Refused>(decision);
}
inline bool down(const Decision& decision) {
  return std::holds_alternative<Down>(decision);
}
inline Member* evicted(const Decision& decision) {
  return std::get<Open>(decision).evict;
}

// Opens a connection for each member, lent from then on.
template <typename Members>
void lend(PoolState& pool, Members& members, TimePoint now) {
  TestWaiter waiter;
  for (auto& member : members) {
    const Ask ask{member.worker, member.fit_class, member.state_hash};
    ASSERT_TRUE(opens(pool.acquire(waiter, ask, now)));
    pool.opened(member, now).deliver();
  }
}
// And gives back the first so many, the first one first.
template <typename Members>
void fill(PoolState& pool, Members& members, TimePoint now, std::size_t returned = SIZE_MAX) {
  lend(pool, members, now);
  for (auto& member : members) {
    if (returned > 0) {
      --returned;
      ASSERT_TRUE(pool.release(member, now).returned.kept);
    }
  }
}

// Ends what a test left idle, so that the members may be destroyed.
inline void drop_idle(PoolState& pool) {
  pool.shut_down(CloseReason::drain).deliveries.deliver();
}

}  // namespace sluice::pool::test
