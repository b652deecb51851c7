// A cap over several pools: taken and given back, claimed in turn, freed by eviction.

#include "pool/budget.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "tests/pool/fixtures.hpp"

namespace sluice::pool::test {
namespace {

// Pools of ten that share a budget, and how often each was asked to tick.
struct Siblings {
  explicit Siblings(std::size_t limit, std::size_t count = 2)
      : budget(std::make_shared<Budget>(limit)), nudged(count) {
    for (std::size_t i = 0; i < count; ++i) {
      pools.push_back(std::make_unique<Pool>("p", sized(10), std::vector{budget}));
      pools[i]->on_tick_wanted([this, i] { ++nudged[i]; });
    }
  }
  ~Siblings() {
    for (const auto& pool : pools) {
      pool->shut_down();
    }
  }
  void open(std::size_t at, TestMember& member, TimePoint now) {
    TestWaiter waiter;
    ASSERT_TRUE(opens(pools[at]->acquire(waiter, {}, now)));
    pools[at]->opened(member, now);
  }
  std::deque<TestMember> members{3};
  std::shared_ptr<Budget> budget;
  std::vector<int> nudged;
  std::vector<std::unique_ptr<Pool>> pools;
};

TEST(Budget, IsTakenByOpeningAndGivenBackAtTheEnd) {
  Siblings siblings(2);
  std::deque<TestMember>& members = siblings.members;
  siblings.open(0, members[0], t(0s));
  siblings.open(1, members[1], t(0s));
  EXPECT_EQ(siblings.budget->used(), 2U);
  TestWaiter waiter;
  ASSERT_TRUE(queued(siblings.pools[1]->acquire(waiter, {}, t(0s))));
  siblings.pools[0]->forget(members[0], t(1s));
  EXPECT_EQ(siblings.budget->used(), 2U) << "it is closing still";
  EXPECT_EQ(siblings.nudged[1], 0);
  siblings.pools[0]->closed(t(2s));
  EXPECT_EQ(siblings.nudged[1], 1);
  EXPECT_TRUE(siblings.pools[1]->tick(t(2s)).close.empty());
  EXPECT_TRUE(opens(waiter.told.value()));
  EXPECT_EQ(siblings.budget->used(), 2U);
}

TEST(Budget, EvictsTheColdestIdleMemberOfASibling) {
  Siblings siblings(3, 3);
  std::deque<TestMember>& members = siblings.members;
  siblings.open(0, members[0], t(0s));
  siblings.open(1, members[1], t(0s));
  siblings.open(1, members[2], t(0s));
  siblings.pools[1]->release(members[1], t(1s));
  siblings.pools[0]->release(members[0], t(2s));
  siblings.pools[1]->release(members[2], t(3s));
  TestWaiter waiter;
  ASSERT_TRUE(queued(siblings.pools[2]->acquire(waiter, {}, t(4s))));
  EXPECT_EQ(siblings.nudged[0], 0);
  ASSERT_EQ(siblings.nudged[1], 1);
  const Tick tick = siblings.pools[1]->tick(t(4s));
  ASSERT_EQ(tick.close.size(), 1U);
  EXPECT_EQ(tick.close[0].member, &members[1]);
  EXPECT_EQ(tick.close[0].reason, CloseReason::evicted);
  siblings.pools[1]->closed(t(5s));
  ASSERT_EQ(siblings.nudged[2], 1);
  siblings.pools[2]->tick(t(5s));
  EXPECT_TRUE(opens(waiter.told.value()));
}

TEST(Budget, ClaimsAreServedInTurn) {
  Siblings siblings(1, 3);
  TestMember& member = siblings.members[0];
  siblings.open(0, member, t(0s));
  TestWaiter first;
  TestWaiter second;
  ASSERT_TRUE(queued(siblings.pools[1]->acquire(first, {}, t(0s))));
  ASSERT_TRUE(queued(siblings.pools[2]->acquire(second, {}, t(0s))));
  siblings.pools[0]->forget(member, t(1s), true);
  siblings.pools[2]->tick(t(1s));
  EXPECT_FALSE(second.told.has_value()) << "it is the other one's turn";
  TestWaiter third;
  EXPECT_TRUE(queued(siblings.pools[0]->acquire(third, {}, t(1s))));
  siblings.pools[1]->tick(t(1s));
  EXPECT_TRUE(opens(first.told.value()));
  siblings.pools[1]->open_failed(t(1s), OpenFailure::given_up);
  EXPECT_EQ(siblings.nudged[2], 1);
  siblings.pools[2]->tick(t(1s));
  EXPECT_TRUE(opens(second.told.value()));
  EXPECT_TRUE(siblings.pools[0]->withdraw(third));
}

TEST(Budget, ABusyPoolYieldsToAnOlderClaim) {
  Siblings siblings(1);
  TestMember& member = siblings.members[0];
  siblings.open(0, member, t(0s));
  TestWaiter starved;
  std::deque<TestWaiter> busy(2);
  ASSERT_TRUE(queued(siblings.pools[1]->acquire(starved, {}, t(0s))));
  ASSERT_TRUE(queued(siblings.pools[0]->acquire(busy[0], {}, t(1ms))));
  ASSERT_TRUE(queued(siblings.pools[0]->acquire(busy[1], {}, t(2ms))));
  EXPECT_TRUE(siblings.pools[0]->release(member, t(10ms)).kept) << "too soon to yield";
  EXPECT_TRUE(busy[0].told.has_value());
  const Pool::Returned returned = siblings.pools[0]->release(member, t(60ms));
  EXPECT_FALSE(returned.kept);
  EXPECT_EQ(returned.reason, CloseReason::evicted);
  siblings.pools[0]->closed(t(61ms));
  siblings.pools[1]->tick(t(61ms));
  EXPECT_TRUE(opens(starved.told.value()));
  EXPECT_TRUE(siblings.pools[0]->withdraw(busy[1]));
}

TEST(Budget, AWithdrawnClaimMakesWayAndAPoolThatEndsGivesBack) {
  Siblings siblings(1, 3);
  TestMember& member = siblings.members[0];
  siblings.open(0, member, t(0s));
  TestWaiter first;
  TestWaiter second;
  ASSERT_TRUE(queued(siblings.pools[1]->acquire(first, {}, t(0s))));
  ASSERT_TRUE(queued(siblings.pools[2]->acquire(second, {}, t(0s))));
  EXPECT_TRUE(siblings.pools[1]->withdraw(first));
  siblings.pools[0] = std::make_unique<Pool>("other", sized(1));
  EXPECT_EQ(siblings.budget->used(), 0U);
  EXPECT_EQ(siblings.nudged[2], 1);
  siblings.pools[2]->tick(t(1s));
  EXPECT_TRUE(opens(second.told.value()));
}

TEST(Budget, OfTwoBudgetsBothAreTakenOrNone) {
  Budget of_database(5);
  Budget of_user(1);
  PoolState pool(sized(10), {&of_database, &of_user});
  TestWaiter waiter;
  ASSERT_TRUE(opens(pool.acquire(waiter, {}, t(0s))));
  TestWaiter second;
  ASSERT_TRUE(queued(pool.acquire(second, {}, t(0s))));
  EXPECT_EQ(of_database.used(), 1U);
  EXPECT_EQ(of_user.used(), 1U);
  pool.open_failed(t(0s), OpenFailure::given_up).deliver();
  EXPECT_TRUE(opens(second.told.value()));
}

}  // namespace
}  // namespace sluice::pool::test
