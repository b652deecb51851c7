// Waiting: order, hand-off, withdrawal, shut down; through Pool, which makes the deliveries.

#include <gtest/gtest.h>

#include <deque>

#include "pool/pool.hpp"
#include "tests/pool/fixtures.hpp"

namespace sluice::pool::test {
namespace {

constexpr Ask kClassOne{.worker = 0, .fit_class = 1, .state_hash = 0};
constexpr Ask kClassTwo{.worker = 0, .fit_class = 2, .state_hash = 0};

// A pool of `size` members of class 1, all lent.
struct Busy {
  explicit Busy(std::size_t size, Limits limits = {}) : pool("p", with_size(limits, size)) {
    for (std::size_t i = 0; i < size; ++i) {
      TestWaiter waiter;
      EXPECT_TRUE(opens(pool.acquire(waiter, kClassOne, t(0s))));
      pool.opened(members.emplace_back(0, 1, 0), t(0s));
    }
  }
  ~Busy() { pool.shut_down(); }
  static Limits with_size(Limits limits, std::size_t size) {
    limits.pool_size = size;
    return limits;
  }
  std::deque<TestMember> members;
  Pool pool;
};

TEST(PoolWait, ServesInTheOrderOfAsking) {
  Busy busy(1);
  std::deque<TestWaiter> waiters(5);
  for (TestWaiter& waiter : waiters) {
    ASSERT_TRUE(queued(busy.pool.acquire(waiter, kClassOne, t(0s))));
  }
  for (TestWaiter& waiter : waiters) {
    EXPECT_FALSE(waiter.told.has_value());
    EXPECT_TRUE(busy.pool.release(busy.members[0], t(1s)).kept);
    ASSERT_TRUE(waiter.told.has_value());
    EXPECT_EQ(reused(*waiter.told), &busy.members[0]);
  }
  for (const TestWaiter& waiter : waiters) {
    EXPECT_EQ(waiter.deliveries, 1);
  }
}

TEST(PoolWait, NobodyOvertakesTheQueue) {
  Busy busy(1);
  TestWaiter first;
  TestWaiter second;
  ASSERT_TRUE(queued(busy.pool.acquire(first, kClassOne, t(0s))));
  busy.pool.release(busy.members[0], t(1s));
  EXPECT_TRUE(first.told.has_value());
  EXPECT_TRUE(queued(busy.pool.acquire(second, kClassOne, t(1s))))
      << "the member was handed over, it was never idle";
  EXPECT_TRUE(busy.pool.withdraw(second));
}

TEST(PoolWait, AFreedSlotIsGivenToTheFirst) {
  Busy busy(3);
  std::deque<TestWaiter> waiters(3);
  for (TestWaiter& waiter : waiters) {
    ASSERT_TRUE(queued(busy.pool.acquire(waiter, kClassOne, t(0s))));
  }
  busy.pool.forget(busy.members[0], t(1s), true);
  ASSERT_TRUE(waiters[0].told.has_value());
  EXPECT_TRUE(opens(*waiters[0].told));
  EXPECT_FALSE(waiters[1].told.has_value());
  busy.pool.open_failed(t(1s), OpenFailure::given_up);
  ASSERT_TRUE(waiters[1].told.has_value());
  EXPECT_TRUE(opens(*waiters[1].told));
  EXPECT_FALSE(waiters[2].told.has_value());
  const Snapshot snapshot = busy.pool.snapshot(t(4s));
  EXPECT_EQ(snapshot.in_use, 2U);
  EXPECT_EQ(snapshot.opening, 1U);
  EXPECT_EQ(snapshot.waiting, 1U);
  EXPECT_EQ(snapshot.oldest_wait, Duration(4s));
  EXPECT_TRUE(busy.pool.withdraw(waiters[2]));
}

TEST(PoolWait, FrontOfAnotherClassGetsTheSlotAndTheMemberToClose) {
  Busy busy(1);
  TestWaiter front;
  TestWaiter matching;
  ASSERT_TRUE(queued(busy.pool.acquire(front, kClassTwo, t(0s))));
  ASSERT_TRUE(queued(busy.pool.acquire(matching, kClassOne, t(0s))));
  EXPECT_TRUE(busy.pool.release(busy.members[0], t(1s)).kept) << "no longer the releaser's";
  ASSERT_TRUE(front.told.has_value());
  ASSERT_TRUE(opens(*front.told));
  EXPECT_EQ(std::get<Open>(*front.told).evict, &busy.members[0]);
  EXPECT_EQ(std::get<Open>(*front.told).reason, CloseReason::evicted);
  EXPECT_FALSE(matching.told.has_value());

  TestMember fresh(0, 2, 0);
  busy.pool.opened(fresh, t(2s));
  busy.pool.forget(fresh, t(3s), true);
  EXPECT_TRUE(matching.told.has_value());
}

TEST(PoolWait, TooOldForTheFirstIsItsToReplace) {
  Limits limits;
  limits.recycle = 10s;
  Busy busy(1, limits);
  TestWaiter waiter;
  ASSERT_TRUE(queued(busy.pool.acquire(waiter, kClassOne, t(0s))));
  EXPECT_TRUE(busy.pool.release(busy.members[0], t(10s)).kept);
  ASSERT_TRUE(opens(waiter.told.value()));
  EXPECT_EQ(std::get<Open>(*waiter.told).evict, &busy.members[0]);
  EXPECT_EQ(std::get<Open>(*waiter.told).reason, CloseReason::lifetime);
}

TEST(PoolWait, HandedOverMembersArePingedByTheSameRule) {
  Limits limits;
  limits.pre_ping = true;
  limits.pre_ping_idle = 500ms;
  Busy busy(1, limits);
  TestWaiter first;
  TestWaiter second;
  ASSERT_TRUE(queued(busy.pool.acquire(first, kClassOne, t(0s))));
  ASSERT_TRUE(queued(busy.pool.acquire(second, kClassOne, t(0s))));
  busy.pool.release(busy.members[0], t(1s));
  EXPECT_TRUE(pinged(first.told.value()));
  busy.pool.proven(busy.members[0], t(1s));
  busy.pool.release(busy.members[0], t(1s));
  EXPECT_FALSE(pinged(second.told.value()));
}

TEST(PoolWait, AWithdrawnWaiterIsPassedOver) {
  Busy busy(1);
  std::deque<TestWaiter> waiters(3);
  for (TestWaiter& waiter : waiters) {
    ASSERT_TRUE(queued(busy.pool.acquire(waiter, kClassOne, t(0s))));
  }
  EXPECT_TRUE(busy.pool.withdraw(waiters[0]));
  EXPECT_FALSE(busy.pool.withdraw(waiters[0]));
  busy.pool.release(busy.members[0], t(1s));
  EXPECT_FALSE(waiters[0].told.has_value());
  EXPECT_TRUE(waiters[1].told.has_value());
  EXPECT_FALSE(busy.pool.withdraw(waiters[1])) << "told already: it must act on it";
  EXPECT_TRUE(busy.pool.withdraw(waiters[2]));
  EXPECT_EQ(busy.pool.snapshot(t(1s)).oldest_wait, Duration(0));
}

TEST(PoolWait, AWaiterMayAskAgainFromWhereItIsTold) {
  struct Greedy : Waiter {
    explicit Greedy(Pool& its_pool) : pool(its_pool) {}
    void deliver(Decision decision) override {
      told.push_back(decision);
      if (told.size() == 1) {
        again = pool.acquire(*this, kClassOne, t(1s));  // would deadlock under the lock
      }
    }
    Pool& pool;
    std::vector<Decision> told;
    std::optional<Decision> again;
  };
  Busy busy(1);
  Greedy greedy(busy.pool);
  ASSERT_TRUE(queued(busy.pool.acquire(greedy, kClassOne, t(0s))));
  busy.pool.release(busy.members[0], t(1s));
  ASSERT_TRUE(greedy.again.has_value());
  EXPECT_TRUE(queued(*greedy.again));
  busy.pool.release(busy.members[0], t(2s));
  EXPECT_EQ(greedy.told.size(), 2U);
}

TEST(PoolWait, ShutDownTellsEveryoneAndReturnsTheIdle) {
  Limits limits;
  limits.pool_size = 2;
  Pool pool("p", limits);
  std::deque<TestMember> members;
  members.emplace_back(0, 1, 0);
  members.emplace_back(0, 1, 0);
  TestWaiter opener;
  for (TestMember& member : members) {
    ASSERT_TRUE(opens(pool.acquire(opener, kClassOne, t(0s))));
    pool.opened(member, t(0s));
  }
  std::deque<TestWaiter> waiters(2);
  for (TestWaiter& waiter : waiters) {
    ASSERT_TRUE(queued(pool.acquire(waiter, kClassOne, t(0s))));
  }
  EXPECT_TRUE(pool.shut_down(CloseReason::reload).empty()) << "both are lent";
  for (const TestWaiter& waiter : waiters) {
    EXPECT_TRUE(closed(waiter.told.value()));
    EXPECT_EQ(waiter.deliveries, 1);
  }
  EXPECT_TRUE(closed(pool.acquire(opener, kClassOne, t(1s))));
  const Pool::Returned returned = pool.release(members[0], t(1s));
  EXPECT_FALSE(returned.kept);
  EXPECT_EQ(returned.reason, CloseReason::reload);
  pool.forget(members[1], t(1s));
  EXPECT_EQ(pool.snapshot(t(1s)).in_use, 0U);
  EXPECT_TRUE(pool.shut_down().empty());
}

TEST(PoolWait, ShutDownReturnsTheIdle) {
  Busy busy(2);
  busy.pool.release(busy.members[1], t(1s));
  EXPECT_EQ(busy.pool.shut_down(), (std::vector<Member*>{&busy.members[1]}));
  EXPECT_FALSE(busy.pool.lost(busy.members[1], t(1s)));
}

}  // namespace
}  // namespace sluice::pool::test
