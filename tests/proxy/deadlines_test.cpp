#include "proxy/deadlines.hpp"

#include <gtest/gtest.h>

#include <set>

namespace sluice::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const TimePoint kStart{std::chrono::hours(1)};

TimePoint at(int after) {
  return kStart + seconds(after);
}

config::Limits all_limits() {
  config::Limits limits;
  limits.client_idle_timeout = seconds(10);
  limits.idle_transaction_timeout = seconds(20);
  limits.transaction_timeout = seconds(30);
  limits.query_timeout = seconds(15);
  limits.client_max_lifetime = seconds(1000);
  return limits;
}

struct Case {
  const char* what;
  bool running;
  bool in_transaction;
  bool cancelled;
  int moved;        // seconds before now
  int transaction;  // the same
  int logged_in;    // the same
  Due expected;
};

// What each limit counts from, and which one wins.
const Case kCases[] = {
    {"just answered", false, false, false, 0, 0, 5, Due::nothing},
    {"idle, not yet", false, false, false, 9, 0, 60, Due::nothing},
    {"idle", false, false, false, 10, 0, 60, Due::client_idle},
    {"a query is no idleness", true, false, false, 14, 0, 60, Due::nothing},
    {"a query too long", true, false, false, 15, 0, 60, Due::cancel_query},
    {"cancelled, being ended", true, false, true, 19, 0, 60, Due::nothing},
    {"cancelled in vain", true, false, true, 20, 0, 60, Due::query},
    {"idle in a transaction is not idle", false, true, false, 19, 19, 60, Due::nothing},
    {"idle in a transaction", false, true, false, 20, 20, 60, Due::idle_transaction},
    {"a query in a transaction", true, true, false, 14, 29, 60, Due::nothing},
    {"a query too long in a transaction", true, true, false, 15, 29, 60, Due::cancel_query},
    {"a transaction too long, idle", false, true, false, 1, 30, 60, Due::transaction},
    {"a transaction too long, running", true, true, false, 1, 30, 60, Due::transaction},
    {"a transaction too long, cancelled", true, true, true, 25, 30, 60, Due::transaction},
    {"old", false, false, false, 1, 0, 1000, Due::lifetime},
    {"old and running", true, false, false, 1, 0, 1000, Due::lifetime},
    {"old and in a transaction", false, true, false, 1, 1, 1000, Due::lifetime},
    {"young", false, false, false, 1, 0, 899, Due::nothing},
};

TEST(Deadlines, EachLimitCountsFromItsOwnMoment) {
  for (const Case& one : kCases) {
    SessionClock clock;
    clock.running = one.running;
    clock.in_transaction = one.in_transaction;
    clock.cancelled = one.cancelled;
    clock.moved_at = at(-one.moved);
    clock.transaction_at = at(-one.transaction);
    clock.logged_in_at = at(-one.logged_in);
    EXPECT_EQ(due(all_limits(), clock, kStart), one.expected) << one.what;
    EXPECT_EQ(due(config::Limits{}, clock, kStart), Due::nothing) << one.what << ", no limits";
  }
}

TEST(Deadlines, LifetimesDifferByUpToATenth) {
  config::Limits limits = all_limits();
  std::set<Duration> lifetimes;
  for (std::uint32_t id = 1; id <= 100; ++id) {
    Duration lifetime = lifetime_of(limits, id);
    EXPECT_GT(lifetime, seconds(900));
    EXPECT_LE(lifetime, seconds(1000));
    lifetimes.insert(lifetime);
  }
  EXPECT_GT(lifetimes.size(), 95U);
  EXPECT_LT(*lifetimes.begin(), seconds(910));
  EXPECT_GT(*lifetimes.rbegin(), seconds(990));
}

TEST(Deadlines, ThereIsNoSweepWithoutALimit) {
  config::Limits limits;
  EXPECT_EQ(sweep_interval(limits), Duration::zero());
  limits.client_idle_timeout = seconds(600);
  EXPECT_EQ(sweep_interval(limits), seconds(1));
  limits.query_timeout = seconds(2);
  EXPECT_EQ(sweep_interval(limits), milliseconds(200));
  limits.transaction_timeout = milliseconds(1);
  EXPECT_EQ(sweep_interval(limits), milliseconds(10));
}

}  // namespace
}  // namespace sluice::proxy
