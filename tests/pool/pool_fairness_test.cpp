// One pool over all workers: a freed member stays on its worker, but not at anybody's cost.

#include <gtest/gtest.h>

#include <deque>

#include "tests/pool/fixtures.hpp"

namespace sluice::pool::test {
namespace {

constexpr Ask on(std::uint32_t worker) {
  return {.worker = worker, .fit_class = 0, .state_hash = 0};
}

class PoolFairness : public testing::Test {
 protected:
  PoolFairness() {
    members.emplace_back(1, 0, 0);
    lend(pool, members, t(0s));
  }
  ~PoolFairness() override {
    for (TestWaiter& waiter : here) {
      pool.withdraw(waiter);
    }
    pool.withdraw(far);
    drop_idle(pool);
  }
  void give_back(TimePoint now) { pool.release(members[0], now).deliveries.deliver(); }

  std::deque<TestMember> members;
  std::deque<TestWaiter> here{20};  // of the member's worker
  TestWaiter far;                   // of another
  PoolState pool{sized(1)};
};

TEST_F(PoolFairness, TheLongestOfTheOwnWorkerGoesFirst) {
  ASSERT_TRUE(queued(pool.acquire(far, on(0), t(0s))));
  ASSERT_TRUE(queued(pool.acquire(here[0], on(1), t(0s))));
  ASSERT_TRUE(queued(pool.acquire(here[1], on(1), t(0s))));
  give_back(t(1ms));
  EXPECT_TRUE(here[0].told.has_value());
  give_back(t(2ms));
  EXPECT_TRUE(here[1].told.has_value());
  EXPECT_FALSE(far.told.has_value());
  give_back(t(3ms));
  EXPECT_EQ(reused(far.told.value()), &members[0]) << "nobody waits here: it moves";
}

TEST_F(PoolFairness, NobodyIsPassedOverMoreThanKMaxPassedTimes) {
  ASSERT_TRUE(queued(pool.acquire(far, on(0), t(0s))));
  for (TestWaiter& waiter : here) {
    ASSERT_TRUE(queued(pool.acquire(waiter, on(1), t(0s))));
  }
  for (std::uint32_t i = 0; i < PoolState::kMaxPassed; ++i) {
    give_back(t(1ms));
    EXPECT_TRUE(here[i].told.has_value());
    ASSERT_FALSE(far.told.has_value()) << i;
  }
  give_back(t(1ms));
  EXPECT_TRUE(far.told.has_value());
  EXPECT_FALSE(here[PoolState::kMaxPassed].told.has_value());
}

TEST_F(PoolFairness, NobodyIsPassedOverAfterKMaxPassedWait) {
  ASSERT_TRUE(queued(pool.acquire(far, on(0), t(0s))));
  ASSERT_TRUE(queued(pool.acquire(here[0], on(1), t(0s))));
  ASSERT_TRUE(queued(pool.acquire(here[1], on(1), t(0s))));
  give_back(t(PoolState::kMaxPassedWait));
  EXPECT_TRUE(here[0].told.has_value());
  give_back(t(PoolState::kMaxPassedWait + 1us));
  EXPECT_TRUE(far.told.has_value());
  EXPECT_FALSE(here[1].told.has_value());
}

TEST_F(PoolFairness, AnotherClassIsPassedOverNoMoreOften) {
  ASSERT_TRUE(queued(pool.acquire(far, {1, 9, 0}, t(0s))));
  for (TestWaiter& waiter : here) {
    ASSERT_TRUE(queued(pool.acquire(waiter, on(1), t(0s))));
  }
  for (std::uint32_t i = 0; i < PoolState::kMaxPassed; ++i) {
    give_back(t(1ms));
  }
  EXPECT_FALSE(far.told.has_value());
  give_back(t(1ms));
  EXPECT_EQ(evicted(far.told.value()), &members[0]);
}

}  // namespace
}  // namespace sluice::pool::test
