// Slots: who holds one, until when, and what keeps an asker from getting one.

#include <gtest/gtest.h>

#include <deque>

#include "tests/pool/fixtures.hpp"

namespace sluice::pool::test {
namespace {

TEST(PoolSlots, AClosingMemberKeepsItsSlotUntilItsEnd) {
  PoolState pool(sized(2));
  std::deque<TestMember> members(2);
  lend(pool, members, t(0s));
  TestWaiter waiter;
  ASSERT_TRUE(queued(pool.acquire(waiter, {}, t(0s))));
  EXPECT_TRUE(pool.forget(members[0], t(1s), false).empty());
  EXPECT_EQ(pool.snapshot(t(1s)).closing, 1U);
  pool.closed(t(2s)).deliver();
  EXPECT_TRUE(opens(waiter.told.value()));
  EXPECT_EQ(pool.snapshot(t(2s)).closing, 0U);
}

TEST(PoolSlots, WhatTheServerEndedFreesItsSlotAtOnce) {
  PoolState pool(sized(1));
  std::deque<TestMember> members(1);
  lend(pool, members, t(0s));
  TestWaiter waiter;
  ASSERT_TRUE(queued(pool.acquire(waiter, {}, t(0s))));
  pool.forget(members[0], t(1s), true).deliver();
  EXPECT_TRUE(opens(waiter.told.value()));
}

TEST(PoolSlots, OverflowClosedOnReturnIsClosing) {
  PoolState pool(sized(1, 1));
  std::deque<TestMember> members(2);
  fill(pool, members, t(0s), 1);
  const Pool::Returned returned = pool.release(members[1], t(1s)).returned;
  EXPECT_FALSE(returned.kept);
  EXPECT_EQ(returned.reason, CloseReason::overflow);
  TestWaiter waiter;
  EXPECT_EQ(reused(pool.acquire(waiter, {}, t(1s))), &members[0]);
  ASSERT_TRUE(queued(pool.acquire(waiter, {}, t(1s)))) << "one lent, one closing";
  pool.closed(t(2s)).deliver();
  EXPECT_TRUE(opens(waiter.told.value()));
}

TEST(PoolSlots, ShutDownMembersAreClosing) {
  PoolState pool(sized(2));
  std::deque<TestMember> members(2);
  fill(pool, members, t(0s));
  EXPECT_EQ(pool.shut_down(CloseReason::drain).members.size(), 2U);
  EXPECT_EQ(pool.snapshot(t(0s)).closing, 2U);
  pool.closed(t(1s)).deliver();
  pool.closed(t(1s)).deliver();
  EXPECT_EQ(pool.snapshot(t(1s)).closing, 0U);
}

TEST(PoolSlots, ReplaceKeepsTheSlotAheadOfTheQueue) {
  PoolState pool(sized(1));
  std::deque<TestMember> members(2);
  TestWaiter asker;
  ASSERT_TRUE(opens(pool.acquire(asker, {}, t(0s))));
  pool.opened(members[0], t(0s)).deliver();
  TestWaiter second;
  ASSERT_TRUE(queued(pool.acquire(second, {}, t(0s))));
  PoolState::Answer answer = pool.replace(members[0], asker, t(1s), false);
  ASSERT_TRUE(opens(answer.decision));
  EXPECT_EQ(evicted(answer.decision), &members[0]) << "it ends before the asker opens";
  EXPECT_EQ(std::get<Open>(answer.decision).reason, CloseReason::validation);
  EXPECT_EQ(pool.snapshot(t(1s)).waiting, 1U);
  pool.opened(members[1], t(1s)).deliver();
  pool.release(members[1], t(1s)).deliveries.deliver();
  EXPECT_EQ(reused(second.told.value()), &members[1]);
}

TEST(PoolSlots, ReplaceThatMayNotOpenWaitsInItsOldPlace) {
  Limits limits = sized(3);
  limits.max_connecting = 1;
  PoolState pool(limits);
  std::deque<TestMember> members(3);
  TestWaiter asker;
  ASSERT_TRUE(opens(pool.acquire(asker, {}, t(0s))));
  pool.opened(members[0], t(0s)).deliver();
  TestWaiter opener;
  TestWaiter later;
  ASSERT_TRUE(opens(pool.acquire(opener, {}, t(0s))));
  ASSERT_TRUE(queued(pool.acquire(later, {}, t(0s))));
  ASSERT_TRUE(queued(pool.replace(members[0], asker, t(1s), true).decision));
  pool.opened(members[1], t(1s)).deliver();
  EXPECT_TRUE(opens(asker.told.value())) << "it asked first";
  EXPECT_FALSE(later.told.has_value());
  EXPECT_TRUE(pool.withdraw(later));
}

TEST(PoolSlots, MaxConnectingQueuesAndServesByWhateverComesFirst) {
  Limits limits = sized(10);
  limits.max_connecting = 2;
  PoolState pool(limits);
  std::deque<TestMember> members(3);
  TestWaiter opener;
  ASSERT_TRUE(opens(pool.acquire(opener, {}, t(0s))));
  pool.opened(members[0], t(0s)).deliver();
  ASSERT_TRUE(opens(pool.acquire(opener, {}, t(0s))));
  ASSERT_TRUE(opens(pool.acquire(opener, {}, t(0s))));
  std::deque<TestWaiter> waiters(2);
  for (TestWaiter& waiter : waiters) {
    ASSERT_TRUE(queued(pool.acquire(waiter, {}, t(0s))));
  }
  pool.release(members[0], t(1s)).deliveries.deliver();
  EXPECT_EQ(reused(waiters[0].told.value()), &members[0]);
  EXPECT_FALSE(waiters[1].told.has_value());
  pool.opened(members[1], t(2s)).deliver();
  EXPECT_TRUE(opens(waiters[1].told.value()));
}

TEST(PoolSlots, MaxConnectingDoesNotKeepAMemberFromItsClass) {
  Limits limits = sized(2);
  limits.max_connecting = 1;
  PoolState pool(limits);
  TestMember member(0, 1, 0);
  TestWaiter asker;
  ASSERT_TRUE(opens(pool.acquire(asker, {0, 1, 0}, t(0s))));
  pool.opened(member, t(0s)).deliver();
  ASSERT_TRUE(opens(pool.acquire(asker, {0, 1, 0}, t(0s))));
  TestWaiter other;
  TestWaiter same;
  ASSERT_TRUE(queued(pool.acquire(other, {0, 2, 0}, t(0s))));
  ASSERT_TRUE(queued(pool.acquire(same, {0, 1, 0}, t(0s))));
  pool.release(member, t(1s)).deliveries.deliver();
  EXPECT_EQ(reused(same.told.value()), &member);
  pool.release(member, t(2s)).deliveries.deliver();
  EXPECT_EQ(pool.snapshot(t(2s)).idle, 1U) << "nobody can use it now";
  pool.open_failed(t(3s), OpenFailure::given_up).deliver();
  EXPECT_TRUE(opens(other.told.value()));
  drop_idle(pool);
}

TEST(PoolSlots, MaxWaitingRefusesAtOnce) {
  Limits limits = sized(1);
  limits.max_waiting = 2;
  PoolState pool(limits);
  std::deque<TestWaiter> waiters(4);
  ASSERT_TRUE(opens(pool.acquire(waiters[0], {}, t(0s))));
  ASSERT_TRUE(queued(pool.acquire(waiters[1], {}, t(0s))));
  ASSERT_TRUE(queued(pool.acquire(waiters[2], {}, t(0s))));
  EXPECT_TRUE(refused(pool.acquire(waiters[3], {}, t(0s))));
  EXPECT_TRUE(pool.withdraw(waiters[1]));
  EXPECT_TRUE(queued(pool.acquire(waiters[3], {}, t(0s))));
  EXPECT_TRUE(pool.withdraw(waiters[2]));
  EXPECT_TRUE(pool.withdraw(waiters[3]));
}

TEST(PoolSlots, OverflowIsForWhoHasWaited) {
  Limits limits = sized(1, 1);
  limits.overflow_delay = 5s;
  PoolState pool(limits);
  std::deque<TestWaiter> waiters(3);
  ASSERT_TRUE(opens(pool.acquire(waiters[0], {}, t(0s))));
  ASSERT_TRUE(queued(pool.acquire(waiters[1], {}, t(1s))));
  ASSERT_TRUE(queued(pool.acquire(waiters[2], {}, t(2s))));
  EXPECT_EQ(pool.next_tick(t(2s)), t(6s));
  EXPECT_TRUE(pool.tick(t(5999ms)).deliveries.empty());
  pool.tick(t(6s)).deliveries.deliver();
  EXPECT_TRUE(opens(waiters[1].told.value()));
  EXPECT_FALSE(waiters[2].told.has_value());
  EXPECT_TRUE(pool.tick(t(1h)).deliveries.empty()) << "the bound is reached";
  EXPECT_TRUE(pool.withdraw(waiters[2]));
}

}  // namespace
}  // namespace sluice::pool::test
