// A backend that cannot be reached: backoff, one probe at a time, the grace, and Down.

#include <gtest/gtest.h>

#include <deque>

#include "tests/pool/fixtures.hpp"

namespace sluice::pool::test {
namespace {

Limits with_grace(std::size_t pool_size, Duration grace) {
  Limits limits = sized(pool_size);
  limits.outage_grace = grace;
  return limits;
}

// Was up once: a connection opened and ended.
void was_up(PoolState& pool, TimePoint now) {
  std::deque<TestMember> members(1);
  lend(pool, members, now);
  pool.forget(members[0], now, true).deliver();
}

TEST(PoolOutage, BackoffDoublesWithJitterUpToItsMaximumAndIsResetBySuccess) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Limits limits;
    limits.jitter_seed = seed;
    Outage outage(limits);
    Jitter jitter(seed);
    TimePoint now = t(0s);
    for (Duration wait : {250ms, 500ms, 1000ms, 2000ms, 4000ms, 8000ms, 15000ms, 15000ms}) {
      outage.failed(now, OpenFailure::transient, 0, jitter);
      EXPECT_GE(outage.retry_at() - now, wait * 8 / 10);
      EXPECT_LE(outage.retry_at() - now, wait * 12 / 10);
      now = outage.retry_at();
    }
    outage.opened();
    EXPECT_FALSE(outage.down());
    outage.failed(now, OpenFailure::transient, 0, jitter);
    EXPECT_LE(outage.retry_at() - now, 300ms);
  }
}

TEST(PoolOutage, WhatWasUnderWayAtTheFirstFailureCountsOnce) {
  PoolState pool(sized(5));
  TestWaiter waiter;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(opens(pool.acquire(waiter, {}, t(0s))));
  }
  for (int i = 0; i < 5; ++i) {
    pool.open_failed(t(1s), OpenFailure::transient).deliver();
  }
  EXPECT_EQ(pool.snapshot(t(1s)).failures, 1U);
  EXPECT_TRUE(opens(pool.acquire(waiter, {}, t(1300ms))));
}

TEST(PoolOutage, NeverUpMeansDownAtOnceAndOneProbeAfterTheBackoff) {
  PoolState pool(with_grace(1, 10s));
  TestWaiter asker;
  TestWaiter waiter;
  ASSERT_TRUE(opens(pool.acquire(asker, {}, t(0s))));
  ASSERT_TRUE(queued(pool.acquire(waiter, {}, t(0s))));
  PoolState::Answer answer = pool.open_again(asker, t(1s), OpenFailure::transient);
  answer.deliveries.deliver();
  EXPECT_TRUE(down(answer.decision));
  EXPECT_TRUE(down(waiter.told.value())) << "told with the first failure";
  EXPECT_TRUE(down(pool.acquire(waiter, {}, t(1100ms))));
  EXPECT_TRUE(opens(pool.acquire(asker, {}, t(2s)))) << "the probe";
  EXPECT_TRUE(down(pool.acquire(waiter, {}, t(2s)))) << "one at a time";
}

TEST(PoolOutage, DuringTheGraceTheLongestWaiterProbesAndAllAreServedInTheEnd) {
  PoolState pool(with_grace(2, 10s));
  was_up(pool, t(0s));
  std::deque<TestWaiter> waiters(4);
  ASSERT_TRUE(opens(pool.acquire(waiters[0], {}, t(1s))));
  ASSERT_TRUE(queued(pool.open_again(waiters[0], t(1s), OpenFailure::transient).decision));
  for (int i : {1, 2, 3}) {
    ASSERT_TRUE(queued(pool.acquire(waiters[i], {}, t(1s))));
  }
  const TimePoint retry_at = pool.next_tick(t(1s));
  EXPECT_GE(retry_at, t(1200ms));
  EXPECT_LE(retry_at, t(1300ms));
  EXPECT_TRUE(pool.tick(retry_at - 1ns).deliveries.empty());
  pool.tick(retry_at).deliveries.deliver();
  EXPECT_TRUE(opens(waiters[0].told.value())) << "it asked first";
  EXPECT_FALSE(waiters[1].told.has_value()) << "one probe at a time";

  waiters[0].told.reset();
  PoolState::Answer again = pool.open_again(waiters[0], retry_at, OpenFailure::given_up);
  EXPECT_TRUE(opens(again.decision)) << "nothing was learnt, so it may try at once";
  TestMember member;
  pool.opened(member, t(2s)).deliver();
  EXPECT_TRUE(opens(waiters[1].told.value())) << "up: the second slot";
  pool.release(member, t(2s)).deliveries.deliver();
  EXPECT_EQ(reused(waiters[2].told.value()), &member);
  pool.release(member, t(2s)).deliveries.deliver();
  EXPECT_EQ(reused(waiters[3].told.value()), &member);
}

TEST(PoolOutage, TheEndOfTheGraceTellsEverybody) {
  Limits limits = with_grace(1, 3s);
  limits.connect_retry_min = 10s;
  PoolState pool(limits);
  was_up(pool, t(0s));
  std::deque<TestWaiter> waiters(3);
  ASSERT_TRUE(opens(pool.acquire(waiters[0], {}, t(1s))));
  ASSERT_TRUE(queued(pool.open_again(waiters[0], t(1s), OpenFailure::transient).decision));
  ASSERT_TRUE(queued(pool.acquire(waiters[1], {}, t(2s))));
  EXPECT_EQ(pool.next_tick(t(2s)), t(4s));
  EXPECT_TRUE(pool.tick(t(3999ms)).deliveries.empty());
  pool.tick(t(4s)).deliveries.deliver();
  EXPECT_TRUE(down(waiters[0].told.value()));
  EXPECT_TRUE(down(waiters[1].told.value()));
  EXPECT_TRUE(down(pool.acquire(waiters[2], {}, t(4s))));
}

TEST(PoolOutage, ARefusalEndsTheGrace) {
  PoolState pool(with_grace(1, 1h));
  was_up(pool, t(0s));
  TestWaiter asker;
  TestWaiter waiter;
  ASSERT_TRUE(opens(pool.acquire(asker, {}, t(1s))));
  ASSERT_TRUE(queued(pool.acquire(waiter, {}, t(1s))));
  pool.open_failed(t(1s), OpenFailure::permanent).deliver();
  EXPECT_TRUE(down(waiter.told.value()));
}

TEST(PoolOutage, WhileSomethingLivesAskersWaitForIt) {
  PoolState pool(sized(2));
  std::deque<TestMember> members(1);
  lend(pool, members, t(0s));
  TestWaiter asker;
  TestWaiter waiter;
  ASSERT_TRUE(opens(pool.acquire(asker, {}, t(1s))));
  ASSERT_TRUE(queued(pool.open_again(asker, t(1s), OpenFailure::permanent).decision));
  ASSERT_TRUE(queued(pool.acquire(waiter, {}, t(1s))));
  pool.release(members[0], t(1100ms)).deliveries.deliver();
  EXPECT_EQ(reused(asker.told.value()), &members[0]);
  pool.forget(members[0], t(1150ms), false).deliver();
  EXPECT_TRUE(down(waiter.told.value())) << "with the last one the hope is gone";
}

TEST(PoolOutage, ADeadMemberIsNotReplacedDuringTheBackoff) {
  PoolState pool(with_grace(2, 10s));
  TestMember member;
  TestWaiter holder;
  TestWaiter asker;
  ASSERT_TRUE(opens(pool.acquire(holder, {}, t(0s))));
  pool.opened(member, t(0s)).deliver();
  ASSERT_TRUE(opens(pool.acquire(asker, {}, t(1s))));
  pool.open_failed(t(1s), OpenFailure::transient).deliver();
  EXPECT_TRUE(queued(pool.replace(member, holder, t(1s), true).decision));
  pool.tick(t(2s)).deliveries.deliver();
  EXPECT_TRUE(opens(holder.told.value()));
}

TEST(PoolOutage, RetryMinZeroHoldsNobodyBack) {
  Limits limits = sized(1);
  limits.connect_retry_min = Duration(0);
  PoolState pool(limits);
  TestWaiter waiter;
  ASSERT_TRUE(opens(pool.acquire(waiter, {}, t(0s))));
  EXPECT_TRUE(down(pool.open_again(waiter, t(0s), OpenFailure::permanent).decision));
  EXPECT_TRUE(opens(pool.acquire(waiter, {}, t(0s))));
}

}  // namespace
}  // namespace sluice::pool::test
