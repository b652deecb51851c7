// What time alone brings: retirement, pings, warming, and when to look again.

#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "tests/pool/fixtures.hpp"

namespace sluice::pool::test {
namespace {

void end_all(PoolState& pool, const Tick& tick) {
  for (std::size_t i = 0; i < tick.close.size(); ++i) {
    pool.closed(t(0s)).deliver();
  }
}

TEST(PoolTick, RetiresTheOldOfEveryClassInBatches) {
  Limits limits = sized(10);
  limits.recycle = 10s;
  PoolState pool(limits);
  std::deque<TestMember> members;
  for (std::uint64_t i = 0; i < 6; ++i) {
    members.emplace_back(0, i % 3, 0);
  }
  fill(pool, members, t(0s));
  EXPECT_TRUE(pool.tick(t(8999ms)).todo.close.empty());
  const Tick first = pool.tick(t(10s)).todo;
  EXPECT_EQ(first.close.size(), PoolState::kMaxRetired);
  EXPECT_EQ(first.close[0].reason, CloseReason::lifetime);
  EXPECT_EQ(pool.next_tick(t(10s)), t(10s) + PoolState::kBatchGap);
  EXPECT_TRUE(pool.tick(t(10001ms)).todo.close.empty()) << "not in one go";
  const Tick second = pool.tick(t(10100ms)).todo;
  EXPECT_EQ(second.close.size(), 2U);
  EXPECT_EQ(pool.snapshot(t(11s)).closing, 6U);
  EXPECT_EQ(pool.next_tick(t(11s)), TimePoint::max());
}

TEST(PoolTick, AgesAreSpreadOverATenthOfRecycle) {
  Limits limits = sized(0);
  limits.recycle = 1000s;
  PoolState pool(limits);
  std::deque<TestMember> members(200);
  fill(pool, members, t(0s));
  std::size_t early = 0;
  for (TimePoint now = t(900s); now < t(1001s); now += 100ms) {
    const std::size_t closed = pool.tick(now).todo.close.size();
    early += now < t(950s) ? closed : 0;
  }
  EXPECT_EQ(pool.snapshot(t(1001s)).idle, 0U);
  EXPECT_GT(early, 70U);
  EXPECT_LT(early, 130U);
}

TEST(PoolTick, IdleTimeoutSparesMinIdleAndTakesTheColdest) {
  Limits limits = sized(5);
  limits.idle_timeout = 60s;
  limits.min_idle = 2;
  PoolState pool(limits);
  std::deque<TestMember> members(5);
  fill(pool, members, t(0s));
  EXPECT_TRUE(pool.tick(t(59s)).todo.close.empty());
  const Tick tick = pool.tick(t(67s)).todo;
  ASSERT_EQ(tick.close.size(), 3U);
  EXPECT_EQ(tick.close[0].member, &members[0]);
  EXPECT_EQ(tick.close[0].reason, CloseReason::idle);
  EXPECT_TRUE(pool.tick(t(1h)).todo.close.empty());
  end_all(pool, tick);
  drop_idle(pool);
}

TEST(PoolTick, KeepalivePingsAndDoesNotMakeAMemberLookUsed) {
  Limits limits = sized(6);
  limits.keepalive_time = 30s;
  limits.idle_timeout = 100s;
  PoolState pool(limits);
  std::deque<TestMember> members(6);
  fill(pool, members, t(0s));
  EXPECT_LE(pool.next_tick(t(0s)), t(30s));
  const Tick tick = pool.tick(t(30s)).todo;
  ASSERT_EQ(tick.ping.size(), PoolState::kMaxPings);
  EXPECT_EQ(pool.snapshot(t(30s)).in_use, PoolState::kMaxPings);
  pool.forget(*tick.ping[0], t(30s), false).deliver();
  pool.closed(t(30s)).deliver();
  for (std::size_t i = 1; i < tick.ping.size(); ++i) {
    PoolState::proven(*tick.ping[i], t(30s));
    ASSERT_TRUE(pool.release(*tick.ping[i], t(30s)).returned.kept);
  }
  EXPECT_EQ(pool.tick(t(31s)).todo.ping.size(), 2U) << "the others, and no one again";
  TestWaiter waiter;
  EXPECT_NE(reused(pool.acquire(waiter, {}, t(31s))), nullptr);
  EXPECT_EQ(pool.tick(t(110s)).todo.close.size(), 2U) << "idle since 0 s, whatever was pinged";
  drop_idle(pool);
}

TEST(PoolTick, WarmsWithinPoolSizeAndMaxConnecting) {
  Limits limits = sized(3, 5);
  limits.min_idle = 5;
  limits.max_connecting = 2;
  PoolState pool(limits);
  EXPECT_EQ(pool.next_tick(t(0s)), t(0s));
  EXPECT_EQ(pool.tick(t(0s)).todo.open, 2U);
  EXPECT_EQ(pool.tick(t(0s)).todo.open, 0U);
  std::deque<TestMember> members(3);
  for (int i : {0, 1}) {
    pool.opened(members[i], t(1s)).deliver();
    pool.release(members[i], t(1s)).deliveries.deliver();
  }
  EXPECT_EQ(pool.tick(t(1s)).todo.open, 1U) << "pool_size is the end of it";
  pool.opened(members[2], t(1s)).deliver();
  pool.release(members[2], t(1s)).deliveries.deliver();
  EXPECT_EQ(pool.tick(t(1s)).todo.open, 0U);
  EXPECT_EQ(pool.next_tick(t(1s)), TimePoint::max());
  drop_idle(pool);
}

TEST(PoolTick, TriesABackendThatIsDownOnceAtATimeAndDoesNotWarmWhileSomebodyWaits) {
  Limits limits = sized(2);
  limits.min_idle = 2;
  PoolState pool(limits);
  ASSERT_EQ(pool.tick(t(0s)).todo.open, 2U);
  TestWaiter waiter;
  ASSERT_TRUE(queued(pool.acquire(waiter, {}, t(0s))));
  EXPECT_EQ(pool.tick(t(0s)).todo.open, 0U);
  pool.open_failed(t(0s), OpenFailure::transient).deliver();
  EXPECT_TRUE(down(waiter.told.value()));
  pool.open_failed(t(0s), OpenFailure::transient).deliver();
  EXPECT_EQ(pool.tick(t(0s)).todo.open, 0U) << "not before the backoff ends";
  EXPECT_GT(pool.next_tick(t(0s)), t(0s));
  EXPECT_LT(pool.next_tick(t(0s)), t(1s));
  EXPECT_EQ(pool.tick(t(1h)).todo.open, 1U) << "nobody asks: one probe";
  EXPECT_EQ(pool.tick(t(1h)).todo.open, 0U);
  TestMember member;
  pool.opened(member, t(1h)).deliver();
  EXPECT_EQ(pool.tick(t(1h)).todo.open, 1U) << "it is back, and warmed up to pool_size";
}

TEST(PoolTick, ABackendThatRefusesItsLoginsIsNotTriedUnlessAsked) {
  Limits limits = sized(2);
  limits.min_idle = 1;
  PoolState pool(limits);
  ASSERT_EQ(pool.tick(t(0s)).todo.open, 1U);
  pool.open_failed(t(0s), OpenFailure::permanent).deliver();
  EXPECT_EQ(pool.tick(t(1h)).todo.open, 0U);
  TestWaiter waiter;
  EXPECT_TRUE(opens(pool.acquire(waiter, {}, t(1h))));
}

TEST(PoolTick, APingedMemberIsNotWarmedFor) {
  Limits limits = sized(5);
  limits.min_idle = 2;
  limits.keepalive_time = 30s;
  PoolState pool(limits);
  std::deque<TestMember> members(2);
  fill(pool, members, t(0s));
  const Tick tick = pool.tick(t(30s)).todo;
  EXPECT_EQ(tick.ping.size(), 2U);
  EXPECT_EQ(tick.open, 0U);
  pool.forget(*tick.ping[0], t(30s), true).deliver();
  EXPECT_EQ(pool.tick(t(31s)).todo.open, 1U);
}

}  // namespace
}  // namespace sluice::pool::test
