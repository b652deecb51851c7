#include "proxy/middleware/rate_limit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "proxy/middleware/rate_bucket.hpp"
#include "tests/proxy/middleware/door.hpp"

namespace sluice::proxy::middleware {
namespace {

using namespace std::chrono_literals;
using config::OnExcess;
using config::RateLimit;
using config::RateScope;
using protocol::RequestKind;
using ::testing::HasSubstr;

// One session under a limit; its clock is the test's.
class Client {
 public:
  explicit Client(Middleware& limit, const char* user = "app", const char* address = "192.0.2.7") {
    door.identity.user = user;
    door.identity.address = address;
    part = door.begin(limit);
    EXPECT_EQ(door.enter(*part).kind, Verdict::Kind::allow);
  }

  Verdict ask(Duration at, RequestKind kind = RequestKind::query) {
    protocol::Request request;
    request.kind = kind;
    return ask(at, request);
  }
  Verdict ask(Duration at, const protocol::Request& request) {
    Verdict verdict;
    part->on_request(request, moment(at), verdict);
    return verdict;
  }
  bool may_hold(Duration at) const { return part->may_hold(moment(at)); }
  bool passes(Duration at, RequestKind kind = RequestKind::query) {
    return part->passes(kind, moment(at));
  }
  bool allowed(Duration at) { return ask(at).kind == Verdict::Kind::allow; }

  Door door;
  std::unique_ptr<Part> part;

 private:
  Now moment(Duration at) const { return {door.now.steady + at, door.now.wall}; }
};

std::unique_ptr<Middleware> limited(const RateLimit& options) {
  auto made = make(options);
  EXPECT_TRUE(made) << made.failure().text;
  return std::move(*made);
}

RateLimit refusing(double rate, std::size_t burst, RateScope per = RateScope::route) {
  return {rate, burst, OnExcess::refuse, 10s, per};
}
RateLimit delaying(double rate, std::size_t burst) {
  return {rate, burst, OnExcess::delay, 1s, RateScope::route};
}

TEST(RateLimit, RefusesWhatIsAboveTheRateAndTheBurst) {
  const auto limit = limited(refusing(10, 3));
  Client client(*limit);
  EXPECT_TRUE(client.allowed(0ms));
  EXPECT_TRUE(client.allowed(0ms));
  EXPECT_TRUE(client.allowed(0ms));
  const Verdict fourth = client.ask(0ms);
  EXPECT_EQ(fourth.kind, Verdict::Kind::refuse);
  EXPECT_EQ(fourth.reason, RefusalReason::rate);
  EXPECT_EQ(fourth.failure->kind, protocol::FailureKind::rate_limited);
  EXPECT_THAT(fourth.failure->text, HasSubstr("more than 10 requests per second"));
  EXPECT_FALSE(client.allowed(99ms));
  EXPECT_TRUE(client.allowed(100ms));
  EXPECT_FALSE(client.allowed(199ms));
  EXPECT_TRUE(client.allowed(200ms));
  for (int more = 0; more < 3; ++more) {
    EXPECT_TRUE(client.allowed(1h));  // no more than the burst is saved up
  }
  EXPECT_FALSE(client.allowed(1h));
}

TEST(RateLimit, PreparingCostsNothing) {
  const auto limit = limited(refusing(1, 1));
  Client client(*limit);
  for (int more = 0; more < 5; ++more) {
    EXPECT_EQ(client.ask(0ms, RequestKind::prepare).kind, Verdict::Kind::allow);
  }
  EXPECT_EQ(client.ask(0ms, RequestKind::execute).kind, Verdict::Kind::allow);
  EXPECT_EQ(client.ask(0ms, RequestKind::prepare).kind, Verdict::Kind::allow);
  EXPECT_EQ(client.ask(0ms, RequestKind::other).kind, Verdict::Kind::refuse);
}

TEST(RateLimit, WhatIsPreparedWithoutABackendWaitsForTheTurnOfWhatRuns) {
  const auto limit = limited(delaying(10, 1));
  Client client(*limit);
  const auto prepare = [&](Duration at, bool may_move) {
    protocol::Request request;
    request.kind = RequestKind::prepare;
    request.may_move = may_move;
    return client.ask(at, request);
  };
  EXPECT_TRUE(client.allowed(0ms));
  EXPECT_EQ(prepare(0ms, false).kind, Verdict::Kind::allow) << "it has its backend";
  EXPECT_EQ(prepare(0ms, true).delay, 100ms);
  EXPECT_EQ(prepare(100ms, true).kind, Verdict::Kind::allow);
  EXPECT_EQ(prepare(100ms, true).kind, Verdict::Kind::allow)
      << "one turn, however much it prepares";
  EXPECT_EQ(client.ask(100ms, RequestKind::execute).kind, Verdict::Kind::allow) << "paid already";
  EXPECT_EQ(client.ask(100ms, RequestKind::execute).delay, 100ms);
}

TEST(RateLimit, WhatPassesHasPaid) {
  for (const RateLimit& options : {refusing(10, 2), delaying(10, 2)}) {
    const auto limit = limited(options);
    Client client(*limit);
    EXPECT_TRUE(client.passes(0ms));
    EXPECT_TRUE(client.passes(0ms, RequestKind::execute));
    EXPECT_FALSE(client.passes(0ms)) << "who has no turn at once is asked about";
    EXPECT_FALSE(client.passes(99ms)) << "and pays nothing for that";
    EXPECT_TRUE(client.passes(100ms));
    EXPECT_FALSE(client.allowed(100ms));
  }
}

TEST(RateLimit, WhatIsPreparedPassesWhereNoTurnIsTakenForIt) {
  const auto refuses = limited(refusing(10, 1));
  EXPECT_TRUE(Client(*refuses).passes(0ms, RequestKind::prepare));
  const auto delays = limited(delaying(10, 1));
  EXPECT_FALSE(Client(*delays).passes(0ms, RequestKind::prepare)) << "near the limit";
  const auto far = limited(delaying(10, 100));
  EXPECT_TRUE(Client(*far).passes(0ms, RequestKind::prepare));
}

TEST(RateLimit, NothingPassesWhileATurnIsHeld) {
  const auto limit = limited(delaying(10, 100));
  Client client(*limit);
  protocol::Request prepare;
  prepare.kind = RequestKind::prepare;
  prepare.may_move = true;
  EXPECT_EQ(client.ask(0ms, prepare).kind, Verdict::Kind::allow);
  EXPECT_FALSE(client.passes(0ms));
  EXPECT_TRUE(client.allowed(0ms)) << "with the turn that was taken for it";
  EXPECT_TRUE(client.passes(0ms));
}

TEST(RateLimit, ABindIsAskedAboutNearTheLimit) {
  const auto small = limited(delaying(10, Bucket::kRoom - 1));
  EXPECT_TRUE(Client(*small).may_hold(0ms));
  const auto limit = limited(delaying(10, Bucket::kRoom + 1));
  Client client(*limit);
  EXPECT_FALSE(client.may_hold(0ms));
  EXPECT_TRUE(client.allowed(0ms));
  EXPECT_FALSE(client.may_hold(0ms)) << "kRoom are left";
  EXPECT_TRUE(client.allowed(0ms));
  EXPECT_TRUE(client.may_hold(0ms));
  EXPECT_FALSE(client.may_hold(100ms)) << "one more by now";
  protocol::Request bind;
  bind.kind = RequestKind::prepare;
  bind.may_move = bind.bound = true;
  EXPECT_EQ(client.ask(100ms, bind).kind, Verdict::Kind::allow);
  EXPECT_TRUE(client.may_hold(1h)) << "it has its turn, and its Execute is to come";
}

TEST(RateLimit, ADelayedRequestPaysOnceAndKeepsItsPlace) {
  const auto limit = limited(delaying(10, 1));
  Client first(*limit);
  Client second(*limit);
  Client third(*limit);
  EXPECT_TRUE(first.allowed(0ms));
  EXPECT_EQ(second.ask(0ms).delay, 100ms);
  EXPECT_EQ(third.ask(0ms).delay, 200ms);
  EXPECT_EQ(third.ask(40ms).delay, 160ms);  // woken by something else: the rest of its wait
  EXPECT_EQ(second.ask(99ms).delay, 1ms);
  EXPECT_TRUE(second.allowed(100ms));
  EXPECT_TRUE(third.allowed(250ms));
  EXPECT_EQ(first.ask(250ms).delay, 50ms);
}

TEST(RateLimit, RefusesRatherThanDelayForTooLong) {
  const auto limit = limited(delaying(10, 1));
  std::vector<std::unique_ptr<Client>> clients;
  for (int more = 0; more < 11; ++more) {
    clients.push_back(std::make_unique<Client>(*limit));
    EXPECT_EQ(clients.back()->ask(0ms).delay, more * 100ms);
  }
  Client late(*limit);
  const Verdict verdict = late.ask(0ms);
  EXPECT_EQ(verdict.kind, Verdict::Kind::refuse);
  EXPECT_THAT(verdict.failure->text, HasSubstr("longer than max_delay"));
  EXPECT_EQ(late.ask(100ms).delay, 1s);  // the refused one took no turn
}

TEST(RateLimit, EachScopeHasItsOwnBuckets) {
  struct Case {
    RateScope per;
    bool same_user;     // another session of the same user from another address
    bool same_address;  // another user from the same address
  };
  for (const auto& [per, same_user, same_address] :
       {Case{RateScope::route, false, false}, Case{RateScope::user, false, true},
        Case{RateScope::address, true, false}, Case{RateScope::session, true, true}}) {
    const auto limit = limited(refusing(1, 1, per));
    Client first(*limit, "a", "192.0.2.1");
    EXPECT_TRUE(first.allowed(0ms));
    EXPECT_EQ(Client(*limit, "a", "192.0.2.2").allowed(0ms), same_user);
    EXPECT_EQ(Client(*limit, "b", "192.0.2.1").allowed(0ms), same_address);
    EXPECT_EQ(Client(*limit, "a", "192.0.2.1").allowed(0ms), per == RateScope::session);
    EXPECT_FALSE(first.allowed(0ms));
  }
}

TEST(RateLimit, OptionsThatMakeNoSenseAreRefused) {
  for (const double rate : {0.0, -1.0, 2e9, std::nan(""), 1.0 / 0.0}) {
    EXPECT_FALSE(make(refusing(rate, 1))) << rate;
  }
  EXPECT_FALSE(make(refusing(10, 0)));
  EXPECT_FALSE(make(refusing(0.001, 1000000)));
  EXPECT_TRUE(make(refusing(0.001, 1)));
  EXPECT_TRUE(make(refusing(1e9, 1)));
}

TEST(Bucket, GivesNoTurnTwice) {
  constexpr int kThreads = 4;
  constexpr int kTurns = 5000;
  const Rate rate{1us, 0ns};
  Bucket bucket;
  std::vector<std::vector<Bucket::Duration>> turns(kThreads);
  std::vector<std::thread> threads;
  for (auto& own : turns) {
    threads.emplace_back([&own, &bucket, &rate] {
      for (int more = 0; more < kTurns; ++more) {
        own.push_back(bucket.take(rate, TimePoint(1h), 1h).value());
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  std::vector<Bucket::Duration> all;
  for (const auto& own : turns) {
    all.insert(all.end(), own.begin(), own.end());
  }
  std::sort(all.begin(), all.end());
  for (std::size_t index = 0; index < all.size(); ++index) {
    ASSERT_EQ(all[index], index * 1us);
  }
}

TEST(Buckets, FullOnesThatNobodyUsesAreDropped) {
  const Rate rate{1s, 0ns};
  const TimePoint start(1h);
  Buckets buckets;
  const auto used = buckets.of("used", start);
  for (int key = 0; key < 5000; ++key) {
    (void)buckets.of("idle" + std::to_string(key), start);
  }
  EXPECT_LT(buckets.size(), 3000U);
  EXPECT_EQ(buckets.of("used", start), used);

  // What is not full yet is remembered.
  EXPECT_TRUE(buckets.of("busy", start)->take(rate, start, 0ns));
  for (int key = 0; key < 5000; ++key) {
    (void)buckets.of("more" + std::to_string(key), start);
  }
  EXPECT_FALSE(buckets.of("busy", start)->take(rate, start, 0ns));
}

TEST(Buckets, AreBoundedWhateverComes) {
  const Rate rate{1h, 0ns};
  const TimePoint start(1h);
  Buckets buckets;
  for (std::size_t key = 0; key < 5 * Buckets::kMostUnused; ++key) {
    ASSERT_TRUE(buckets.of(std::to_string(key), start)->take(rate, start, 0ns));
  }
  EXPECT_LE(buckets.size(), 4 * Buckets::kMostUnused);
}

}  // namespace
}  // namespace sluice::proxy::middleware
