// What operators ask of a pool: pause and resume.

#include <gtest/gtest.h>

#include <deque>

#include "tests/pool/fixtures.hpp"

namespace sluice::pool::test {
namespace {

TEST(PoolPause, NothingIsLentUntilResumeAndThenInTurn) {
  PoolState pool(sized(2));
  std::deque<TestMember> members(2);
  fill(pool, members, t(0s));
  pool.pause(t(1s));
  EXPECT_EQ(pool.next_tick(t(1s)), t(1s));
  const Tick todo = pool.tick(t(1s)).todo;
  ASSERT_EQ(todo.close.size(), 2U);
  EXPECT_EQ(todo.close[0].reason, CloseReason::admin);
  EXPECT_EQ(pool.snapshot(t(1s)).closing, 2U);
  TestWaiter first;
  TestWaiter second;
  EXPECT_TRUE(queued(pool.acquire(first, {}, t(1s))));
  EXPECT_TRUE(queued(pool.acquire(second, {}, t(2s))));
  for (int i = 0; i < 2; ++i) {
    pool.closed(t(3s)).deliver();
  }
  EXPECT_EQ(pool.next_tick(t(4s)), TimePoint::max());
  pool.tick(t(4s)).deliveries.deliver();
  EXPECT_FALSE(first.told.has_value());
  pool.resume(t(5s)).deliver();
  ASSERT_TRUE(first.told.has_value() && second.told.has_value());
  EXPECT_TRUE(opens(*first.told) && opens(*second.told));
}

TEST(PoolPause, WhatIsLentIsClosedWhenItComesBack) {
  PoolState pool(sized(2));
  std::deque<TestMember> members(2);
  lend(pool, members, t(0s));
  pool.pause(t(1s));
  EXPECT_EQ(pool.snapshot(t(1s)).in_use, 2U);
  for (TestMember& member : members) {
    const Pool::Returned returned = pool.release(member, t(2s)).returned;
    EXPECT_FALSE(returned.kept);
    EXPECT_EQ(returned.reason, CloseReason::admin);
    pool.closed(t(3s)).deliver();
  }
  const Snapshot rest = pool.snapshot(t(3s));
  EXPECT_EQ(rest.idle + rest.in_use + rest.opening + rest.closing, 0U);
}

TEST(PoolPause, WhatIsBeingOpenedServesItsAskerAlone) {
  PoolState pool(sized(2));
  TestWaiter opener;
  TestWaiter failing;
  ASSERT_TRUE(opens(pool.acquire(opener, {}, t(0s))));
  ASSERT_TRUE(opens(pool.acquire(failing, {}, t(0s))));
  pool.pause(t(1s));
  TestMember member;
  pool.opened(member, t(2s)).deliver();
  EXPECT_TRUE(queued(pool.open_again(failing, t(2s), OpenFailure::transient).decision));
  EXPECT_FALSE(pool.release(member, t(3s)).returned.kept);
  pool.closed(t(3s)).deliver();
  pool.resume(t(10s)).deliver();
  ASSERT_TRUE(failing.told.has_value());
  EXPECT_TRUE(opens(*failing.told));
}

TEST(PoolPause, NobodyIsRefusedOrToldDownMeanwhile) {
  Limits limits = sized(1);
  limits.max_waiting = 1;
  PoolState pool(limits);
  TestWaiter opener;
  ASSERT_TRUE(opens(pool.acquire(opener, {}, t(0s))));
  pool.open_failed(t(0s), OpenFailure::permanent).deliver();
  pool.pause(t(1s));
  std::deque<TestWaiter> waiters(3);
  for (TestWaiter& waiter : waiters) {
    EXPECT_TRUE(queued(pool.acquire(waiter, {}, t(1s))));
  }
  pool.tick(t(100s)).deliveries.deliver();
  EXPECT_EQ(pool.snapshot(t(100s)).waiting, 3U);
  pool.shut_down(CloseReason::drain).deliveries.deliver();
  for (TestWaiter& waiter : waiters) {
    ASSERT_TRUE(waiter.told.has_value());
    EXPECT_TRUE(closed(*waiter.told));
  }
}

TEST(PoolPause, ItsTimeAddsUp) {
  PoolState pool(sized(1));
  EXPECT_EQ(pool.paused_for(t(1s)), 0s);
  pool.pause(t(1s));
  EXPECT_EQ(pool.paused_for(t(3s)), 2s);
  pool.pause(t(3s));  // it is paused already
  pool.resume(t(5s)).deliver();
  pool.resume(t(6s)).deliver();
  EXPECT_EQ(pool.paused_for(t(9s)), 4s);
  pool.pause(t(10s));
  EXPECT_EQ(pool.paused_for(t(11s)), 5s);
}

TEST(PoolPause, GivesUpItsTurnForASharedUnit) {
  Budget budget(1);
  PoolState holder(sized(1), {&budget});
  PoolState paused(sized(1), {&budget});
  PoolState other(sized(1), {&budget});
  TestWaiter waiter;
  TestWaiter waits;
  ASSERT_TRUE(opens(holder.acquire(waiter, {}, t(0s))));
  ASSERT_TRUE(queued(paused.acquire(waits, {}, t(0s))));  // the first to claim
  paused.pause(t(1s));
  holder.open_failed(t(2s), OpenFailure::given_up).deliver();
  TestWaiter served;
  EXPECT_TRUE(opens(other.acquire(served, {}, t(2s))));
  EXPECT_TRUE(paused.withdraw(waits));
}

}  // namespace
}  // namespace sluice::pool::test
