// What a new configuration does to a pool that runs: other limits, another era, another budget.

#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "pool/budget.hpp"
#include "tests/pool/fixtures.hpp"

namespace sluice::pool::test {
namespace {

TEST(PoolChange, MoreRoomServesWhoWaits) {
  PoolState pool(sized(1));
  std::deque<TestMember> members(1);
  lend(pool, members, t(0s));
  std::deque<TestWaiter> waiters(3);
  for (TestWaiter& waiter : waiters) {
    ASSERT_TRUE(queued(pool.acquire(waiter, {}, t(0s))));
  }
  pool.set_limits(sized(3), t(1s)).deliver();
  EXPECT_TRUE(opens(waiters[0].told.value()));
  EXPECT_TRUE(opens(waiters[1].told.value()));
  EXPECT_FALSE(waiters[2].told);
  EXPECT_TRUE(pool.withdraw(waiters[2]));
}

TEST(PoolChange, LessRoomClosesTheColdestIdleOnes) {
  PoolState pool(sized(4));
  std::deque<TestMember> members(4);
  fill(pool, members, t(0s));
  pool.set_limits(sized(1), t(1s)).deliver();
  EXPECT_EQ(pool.next_tick(t(1s)), t(1s));
  const Tick todo = pool.tick(t(1s)).todo;
  ASSERT_EQ(todo.close.size(), 3U);
  for (std::size_t at = 0; at < todo.close.size(); ++at) {
    EXPECT_EQ(todo.close[at].member, &members[at]) << "the coldest first";
    EXPECT_EQ(todo.close[at].reason, CloseReason::reload);
  }
  EXPECT_EQ(pool.snapshot(t(1s)).idle, 1U);
  EXPECT_EQ(pool.snapshot(t(1s)).closing, 3U);
  drop_idle(pool);
}

TEST(PoolChange, LessRoomClosesWhatComesBackThoughSomebodyWaits) {
  PoolState pool(sized(3));
  std::deque<TestMember> members(3);
  lend(pool, members, t(0s));
  TestWaiter waiter;
  ASSERT_TRUE(queued(pool.acquire(waiter, {}, t(0s))));
  pool.set_limits(sized(1), t(1s)).deliver();
  for (TestMember* member : {&members[0], &members[1]}) {
    const auto released = pool.release(*member, t(2s));
    EXPECT_FALSE(released.returned.kept);
    EXPECT_EQ(released.returned.reason, CloseReason::reload);
    EXPECT_FALSE(waiter.told) << "the last one is still lent";
  }
  auto last = pool.release(members[2], t(3s));
  EXPECT_TRUE(last.returned.kept);
  last.deliveries.deliver();
  EXPECT_EQ(reused(waiter.told.value()), &members[2]);
}

TEST(PoolChange, ANewRecycleCountsFromWhenAConnectionWasOpened) {
  Limits limits = sized(2);
  limits.recycle = 1h;
  PoolState pool(limits);
  std::deque<TestMember> members(2);
  fill(pool, members, t(0s), 1);
  limits.recycle = 10s;
  pool.set_limits(limits, t(5s)).deliver();
  EXPECT_TRUE(pool.tick(t(5s)).todo.close.empty());
  const Tick todo = pool.tick(t(11s)).todo;
  ASSERT_EQ(todo.close.size(), 1U);
  EXPECT_EQ(todo.close[0].reason, CloseReason::lifetime);
  EXPECT_EQ(pool.release(members[1], t(11s)).returned.reason, CloseReason::lifetime)
      << "one that was lent meanwhile, too";
}

TEST(PoolChange, ANewEraClosesIdleOnesNowAndLentOnesWhenTheyComeBack) {
  PoolState pool(sized(2));
  std::deque<TestMember> members(2);
  fill(pool, members, t(0s), 1);
  pool.retire(CloseReason::reload, t(1s)).deliver();
  const Tick todo = pool.tick(t(1s)).todo;
  ASSERT_EQ(todo.close.size(), 1U);
  EXPECT_EQ(todo.close[0].member, &members[0]);
  EXPECT_EQ(todo.close[0].reason, CloseReason::reload);
  EXPECT_EQ(pool.snapshot(t(1s)).retiring, 1U);
  const auto released = pool.release(members[1], t(2s));
  EXPECT_FALSE(released.returned.kept);
  EXPECT_EQ(released.returned.reason, CloseReason::reload);
  EXPECT_EQ(pool.snapshot(t(2s)).retiring, 0U);
}

TEST(PoolChange, AMemberOfTheEraBeforeIsReplacedForWhoWaits) {
  PoolState pool(sized(1));
  std::deque<TestMember> members(1);
  lend(pool, members, t(0s));
  TestWaiter waiter;
  ASSERT_TRUE(queued(pool.acquire(waiter, {}, t(0s))));
  pool.retire(CloseReason::reload, t(1s)).deliver();
  pool.release(members[0], t(2s)).deliveries.deliver();
  EXPECT_EQ(evicted(waiter.told.value()), &members[0]);
  EXPECT_EQ(std::get<Open>(*waiter.told).reason, CloseReason::reload);
}

TEST(PoolChange, WhatWasBeingOpenedIsOfTheEraInWhichItBegan) {
  PoolState pool(sized(2));
  TestWaiter waiter;
  ASSERT_TRUE(opens(pool.acquire(waiter, {}, t(0s))));
  pool.retire(CloseReason::reload, t(1s)).deliver();
  TestMember late;
  pool.opened(late, t(2s)).deliver();
  EXPECT_EQ(pool.snapshot(t(2s)).retiring, 1U);
  EXPECT_FALSE(pool.release(late, t(3s)).returned.kept);

  ASSERT_TRUE(opens(pool.acquire(waiter, {}, t(3s))));
  TestMember fresh;
  fresh.era = 1;
  pool.opened(fresh, t(4s)).deliver();
  EXPECT_TRUE(pool.release(fresh, t(5s)).returned.kept);
  drop_idle(pool);
}

TEST(PoolChange, ANewEraForgetsThatTheBackendRefused) {
  PoolState pool(sized(2));
  TestWaiter waiter;
  ASSERT_TRUE(opens(pool.acquire(waiter, {}, t(0s))));
  pool.open_failed(t(0s), OpenFailure::permanent).deliver();
  ASSERT_TRUE(down(pool.acquire(waiter, {}, t(0s)))) << "a wrong password";
  pool.retire(CloseReason::reload, t(0s)).deliver();
  EXPECT_TRUE(opens(pool.acquire(waiter, {}, t(0s)))) << "the password is another one now";
  pool.open_failed(t(0s), OpenFailure::given_up).deliver();
}

TEST(PoolChange, AFailureOfTheEraBeforeSaysNothingOfTheNewOne) {
  PoolState pool(sized(2));
  TestWaiter waiter;
  ASSERT_TRUE(opens(pool.acquire(waiter, {}, t(0s))));
  pool.retire(CloseReason::reload, t(1s)).deliver();
  pool.open_failed(t(2s), OpenFailure::permanent).deliver();
  EXPECT_EQ(pool.snapshot(t(2s)).failures, 0U);
  EXPECT_TRUE(opens(pool.acquire(waiter, {}, t(2s))));
  pool.open_failed(t(2s), OpenFailure::given_up).deliver();
}

TEST(PoolChange, ASmallerBudgetClosesWhatIsIdleAndThenWhatComesBack) {
  auto budget = std::make_shared<Budget>(4);
  Pool first("first", sized(4), {budget});
  Pool second("second", sized(4), {budget});
  int hurried = 0;
  first.on_tick_wanted([&] { ++hurried; });
  TestWaiter waiter;
  std::deque<TestMember> members(4);
  for (std::size_t at = 0; at < members.size(); ++at) {
    Pool& pool = at < 2 ? first : second;
    ASSERT_TRUE(opens(pool.acquire(waiter, {}, t(0s))));
    pool.opened(members[at], t(0s));
  }
  ASSERT_TRUE(first.release(members[0], t(1s)).kept);
  budget->set_limit(2);
  EXPECT_EQ(hurried, 1);
  const Tick todo = first.tick(t(2s));
  ASSERT_EQ(todo.close.size(), 1U);
  first.closed(t(2s));
  EXPECT_FALSE(first.release(members[1], t(3s)).kept) << "three units are still out";
  first.closed(t(3s));
  EXPECT_TRUE(second.release(members[2], t(4s)).kept);
  second.forget(members[3], t(4s), true);
  EXPECT_EQ(budget->used(), 1U);
  second.shut_down();
  second.closed(t(5s));
}

}  // namespace
}  // namespace sluice::pool::test
