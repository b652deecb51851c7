#include "pool/pool_state.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <set>
#include <string>

#include "tests/pool/fixtures.hpp"

namespace sluice::pool::test {
namespace {

TEST(PoolState, OpensUpToSizeAndOverflowThenQueues) {
  PoolState pool(sized(2, 1));
  TestWaiter waiter;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(opens(pool.acquire(waiter, {}, t(0s))));
  }
  EXPECT_TRUE(queued(pool.acquire(waiter, {}, t(0s))));
  EXPECT_EQ(pool.snapshot(t(0s)).opening, 3U);
  EXPECT_TRUE(pool.withdraw(waiter));
}

TEST(PoolState, MinusOneAndSizeZeroHaveNoBound) {
  for (const Limits& limits : {sized(1, -1), sized(0, 3)}) {
    PoolState pool(limits);
    TestWaiter waiter;
    for (int i = 0; i < 1000; ++i) {
      ASSERT_TRUE(opens(pool.acquire(waiter, {}, t(0s))));
    }
  }
}

TEST(PoolState, OverflowIsClosedOnReturnOncePoolSizeAreIdle) {
  PoolState pool(sized(2, 2));
  TestWaiter waiter;
  std::deque<TestMember> members(4);
  for (TestMember& member : members) {
    ASSERT_TRUE(opens(pool.acquire(waiter, {}, t(0s))));
    pool.opened(member, t(0s));
  }
  EXPECT_TRUE(pool.release(members[0], t(1s)).returned.kept);
  EXPECT_TRUE(pool.release(members[1], t(1s)).returned.kept);
  for (int i : {2, 3}) {
    const Pool::Returned returned = pool.release(members[i], t(1s)).returned;
    EXPECT_FALSE(returned.kept);
    EXPECT_EQ(returned.reason, CloseReason::overflow);
  }
  EXPECT_EQ(pool.snapshot(t(1s)).idle, 2U);
  EXPECT_EQ(pool.snapshot(t(1s)).in_use, 0U);
  drop_idle(pool);
}

TEST(PoolState, SizeZeroKeepsEverything) {
  PoolState pool(sized(0));
  std::deque<TestMember> members(50);
  fill(pool, members, t(0s));
  EXPECT_EQ(pool.snapshot(t(0s)).idle, 50U);
  drop_idle(pool);
}

TEST(PoolState, LifoGivesTheHottestFifoTheColdest) {
  for (const bool lifo : {true, false}) {
    Limits limits = sized(3);
    limits.lifo = lifo;
    PoolState pool(limits);
    std::deque<TestMember> members(3);
    fill(pool, members, t(0s));
    TestWaiter waiter;
    EXPECT_EQ(reused(pool.acquire(waiter, {}, t(1s))), lifo ? &members[2] : &members[0]);
    EXPECT_EQ(reused(pool.acquire(waiter, {}, t(1s))), &members[1]);
    drop_idle(pool);
  }
}

TEST(PoolState, PrefersHereThenSameStateThenCleanThenAny) {
  PoolState pool(sized(8));
  std::deque<TestMember> members;
  members.emplace_back(1, 0, 7);  // same state, same worker
  members.emplace_back(2, 0, 7);  // same state
  members.emplace_back(1, 0, 0);  // same worker, clean
  members.emplace_back(1, 0, 9);  // same worker, other state
  members.emplace_back(2, 0, 0);  // clean, other worker
  fill(pool, members, t(0s));
  TestWaiter waiter;
  const Ask ask{.worker = 1, .fit_class = 0, .state_hash = 7};
  for (int expected : {0, 2, 3, 1, 4}) {
    EXPECT_EQ(reused(pool.acquire(waiter, ask, t(1s))), &members[expected]) << expected;
  }
  EXPECT_TRUE(opens(pool.acquire(waiter, ask, t(1s))));
}

TEST(PoolState, ScanIsBounded) {
  PoolState pool(sized(100));
  std::deque<TestMember> members(Lanes::kScan + 1);
  for (TestMember& member : members) {
    member.state_hash = 1;
  }
  members[0].state_hash = 7;  // the coldest: one too far
  fill(pool, members, t(0s));
  TestWaiter waiter;
  const Ask ask{.worker = 0, .fit_class = 0, .state_hash = 7};
  EXPECT_EQ(reused(pool.acquire(waiter, ask, t(1s))), &members.back());
  EXPECT_EQ(reused(pool.acquire(waiter, ask, t(1s))), &members.front()) << "near enough now";
  drop_idle(pool);
}

TEST(PoolState, AnotherClassIsNeverGivenAndNotSeenByTheScan) {
  PoolState pool(sized(100));
  std::deque<TestMember> members;
  members.emplace_back(0, 5, 0);
  for (int i = 0; i < 50; ++i) {
    members.emplace_back(0, 6, 0);
  }
  fill(pool, members, t(0s));
  TestWaiter waiter;
  const Ask ask{.worker = 0, .fit_class = 5, .state_hash = 0};
  EXPECT_EQ(reused(pool.acquire(waiter, ask, t(1s))), &members[0]);
  const Decision second = pool.acquire(waiter, ask, t(1s));
  ASSERT_TRUE(opens(second));
  EXPECT_EQ(std::get<Open>(second).evict, nullptr) << "there is room, nothing is evicted";
  drop_idle(pool);
}

TEST(PoolState, FullOfAnotherClassEvictsTheColdest) {
  PoolState pool(sized(2, 1));
  std::deque<TestMember> members;
  members.emplace_back(0, 5, 0);
  members.emplace_back(0, 6, 0);
  fill(pool, members, t(0s));
  TestWaiter waiter;
  const Ask ask{.worker = 0, .fit_class = 9, .state_hash = 0};
  EXPECT_EQ(std::get<Open>(pool.acquire(waiter, ask, t(1s))).evict, nullptr);
  for (TestMember& coldest : members) {
    const Decision decision = pool.acquire(waiter, ask, t(2s));
    ASSERT_TRUE(opens(decision));
    EXPECT_EQ(std::get<Open>(decision).evict, &coldest);
    EXPECT_EQ(std::get<Open>(decision).reason, CloseReason::evicted);
    EXPECT_FALSE(pool.lost(coldest, t(2s)).forgotten) << "forgotten already";
  }
  EXPECT_EQ(pool.snapshot(t(2s)).opening, 3U);
  EXPECT_TRUE(queued(pool.acquire(waiter, ask, t(2s))));
  EXPECT_TRUE(pool.withdraw(waiter));
}

TEST(PoolState, AManyClassedPoolReusesThePlacesOfClasses) {
  PoolState pool(sized(1));
  TestWaiter waiter;
  TestMember member;
  ASSERT_TRUE(opens(pool.acquire(waiter, {}, t(0s))));
  for (std::uint64_t fit_class = 0; fit_class < 1000; ++fit_class) {
    member.fit_class = fit_class;
    pool.opened(member, t(0s));
    ASSERT_TRUE(pool.release(member, t(0s)).returned.kept);
    const Ask same{.worker = 0, .fit_class = fit_class, .state_hash = 0};
    ASSERT_EQ(reused(pool.acquire(waiter, same, t(0s))), &member);
    ASSERT_TRUE(opens(pool.replace(member, waiter, t(0s), true).decision));
  }
  EXPECT_EQ(pool.snapshot(t(0s)).opening, 1U);
}

TEST(PoolState, TooOldIsReplacedInItsSlotAtCheckout) {
  Limits limits = sized(1);
  limits.recycle = 10s;
  PoolState pool(limits);
  std::deque<TestMember> members(1);
  fill(pool, members, t(0s));
  TestWaiter waiter;
  EXPECT_EQ(reused(pool.acquire(waiter, {}, t(9s))), &members[0]);
  pool.release(members[0], t(9s));
  const Decision decision = pool.acquire(waiter, {}, t(10s));
  ASSERT_TRUE(opens(decision));
  EXPECT_EQ(std::get<Open>(decision).evict, &members[0]);
  EXPECT_EQ(std::get<Open>(decision).reason, CloseReason::lifetime);
}

TEST(PoolState, AYoungerMemberIsPreferredToReplacingAnOldOne) {
  Limits limits = sized(2);
  limits.recycle = 10s;
  PoolState pool(limits);
  TestMember old;
  TestMember young;
  TestWaiter waiter;
  ASSERT_TRUE(opens(pool.acquire(waiter, {}, t(0s))));
  pool.opened(old, t(0s));
  ASSERT_TRUE(opens(pool.acquire(waiter, {}, t(5s))));
  pool.opened(young, t(5s));
  pool.release(young, t(6s));
  pool.release(old, t(6s));
  EXPECT_EQ(reused(pool.acquire(waiter, {}, t(11s))), &young);
  const Tick tick = pool.tick(t(11s)).todo;
  ASSERT_EQ(tick.close.size(), 1U);
  EXPECT_EQ(tick.close[0].member, &old);
  EXPECT_EQ(pool.snapshot(t(11s)).idle, 0U);
}

TEST(PoolState, TooOldIsClosedOnReturn) {
  Limits limits = sized(1);
  limits.recycle = 10s;
  PoolState pool(limits);
  TestMember member;
  TestWaiter waiter;
  ASSERT_TRUE(opens(pool.acquire(waiter, {}, t(0s))));
  pool.opened(member, t(0s));
  const Pool::Returned returned = pool.release(member, t(10s)).returned;
  EXPECT_FALSE(returned.kept);
  EXPECT_EQ(returned.reason, CloseReason::lifetime);
  pool.closed(t(10s));
  EXPECT_TRUE(opens(pool.acquire(waiter, {}, t(10s)))) << "its slot is free";
}

TEST(PoolState, PingsWhatHasNotBeenProvenLately) {
  Limits limits = sized(1);
  limits.pre_ping = true;
  limits.pre_ping_idle = 500ms;
  PoolState pool(limits);
  std::deque<TestMember> members(1);
  fill(pool, members, t(0s));
  TestWaiter waiter;
  EXPECT_FALSE(pinged(pool.acquire(waiter, {}, t(499ms))));
  pool.release(members[0], t(499ms));
  EXPECT_TRUE(pinged(pool.acquire(waiter, {}, t(500ms)))) << "being lent proves nothing";
  PoolState::proven(members[0], t(501ms));
  pool.release(members[0], t(502ms));
  EXPECT_FALSE(pinged(pool.acquire(waiter, {}, t(1s))));
}

TEST(PoolState, PingIdleZeroPingsAlwaysAndPrePingOffNever) {
  for (const bool pre_ping : {true, false}) {
    Limits limits = sized(1);
    limits.pre_ping = pre_ping;
    limits.pre_ping_idle = 0ms;
    PoolState pool(limits);
    std::deque<TestMember> members(1);
    fill(pool, members, t(0s));
    TestWaiter waiter;
    EXPECT_EQ(pinged(pool.acquire(waiter, {}, t(0s))), pre_ping);
    pool.release(members[0], t(1h));
    EXPECT_EQ(pinged(pool.acquire(waiter, {}, t(2h))), pre_ping);
  }
}

TEST(PoolState, DistrustPingsWhatWasProvenBefore) {
  Limits limits = sized(2);
  limits.pre_ping = true;
  limits.pre_ping_idle = 1h;
  PoolState pool(limits);
  std::deque<TestMember> members(2);
  fill(pool, members, t(0s));
  pool.distrust(t(1s));
  TestWaiter waiter;
  EXPECT_TRUE(pinged(pool.acquire(waiter, {}, t(2s))));
  PoolState::proven(members[1], t(2s));
  pool.release(members[1], t(2s));
  EXPECT_FALSE(pinged(pool.acquire(waiter, {}, t(3s))));
  EXPECT_TRUE(pinged(pool.acquire(waiter, {}, t(3s))));
}

TEST(PoolState, LostRemovesOnlyWhatIsIdle) {
  PoolState pool(sized(2));
  std::deque<TestMember> members(2);
  fill(pool, members, t(0s));
  TestWaiter waiter;
  ASSERT_EQ(reused(pool.acquire(waiter, {}, t(0s))), &members[1]);
  EXPECT_FALSE(pool.lost(members[1], t(0s)).forgotten);
  EXPECT_TRUE(pool.lost(members[0], t(0s)).forgotten);
  EXPECT_FALSE(pool.lost(members[0], t(0s)).forgotten);
  EXPECT_TRUE(opens(pool.acquire(waiter, {}, t(0s))));
  EXPECT_TRUE(queued(pool.acquire(waiter, {}, t(0s))));
  EXPECT_TRUE(pool.withdraw(waiter));
}

TEST(CloseReason, EveryReasonHasItsOwnLabel) {
  std::set<std::string> labels;
  for (int i = 0; i < static_cast<int>(CloseReason::count_); ++i) {
    labels.insert(close_reason_label(static_cast<CloseReason>(i)));
  }
  EXPECT_EQ(labels.size(), static_cast<std::size_t>(CloseReason::count_));
  EXPECT_EQ(close_reason_label(CloseReason::reset_failed), std::string("reset_failed"));
}

}  // namespace
}  // namespace sluice::pool::test
