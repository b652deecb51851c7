// address_rules, connection_limit, settings and statement_timeout.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "proxy/middleware/address_rules.hpp"
#include "proxy/middleware/connection_limit.hpp"
#include "proxy/middleware/settings.hpp"
#include "proxy/middleware/statement_timeout.hpp"
#include "tests/proxy/middleware/door.hpp"

namespace sluice::proxy::middleware {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

bool admits(const config::AddressRules& options, const std::string& address) {
  auto made = make(options);
  EXPECT_TRUE(made);
  Door door;
  door.identity.address = address;
  const Verdict verdict = door.enter(**made);
  if (verdict.kind == Verdict::Kind::refuse) {
    EXPECT_EQ(verdict.reason, RefusalReason::address);
    EXPECT_EQ(verdict.failure->kind, protocol::FailureKind::address_refused);
    EXPECT_THAT(verdict.failure->text, HasSubstr(address));
  }
  return verdict.kind == Verdict::Kind::allow;
}

TEST(AddressRules, DenyIsStrongerThanAllow) {
  const config::AddressRules rules{{"10.0.0.0/8", "2001:db8::/32"}, {"10.66.0.0/16"}};
  EXPECT_TRUE(admits(rules, "10.1.2.3"));
  EXPECT_TRUE(admits(rules, "::ffff:10.1.2.3"));
  EXPECT_TRUE(admits(rules, "2001:db8::5"));
  EXPECT_FALSE(admits(rules, "10.66.2.3"));
  EXPECT_FALSE(admits(rules, "::ffff:10.66.2.3"));
  EXPECT_FALSE(admits(rules, "192.0.2.1"));
  EXPECT_FALSE(admits(rules, "2001:db9::5"));
  EXPECT_FALSE(admits(rules, "unknown"));
}

TEST(AddressRules, WithoutAllowOnlyDenyCounts) {
  const config::AddressRules rules{{}, {"192.0.2.0/24"}};
  EXPECT_TRUE(admits(rules, "10.1.2.3"));
  EXPECT_TRUE(admits(rules, "::1"));
  EXPECT_FALSE(admits(rules, "192.0.2.200"));
}

TEST(AddressRules, AUnixSocketHasNoAddress) {
  EXPECT_TRUE(admits({{"10.0.0.0/8"}, {"0.0.0.0/0", "::/0"}}, ""));
}

TEST(AddressRules, NamesTheBlockThatIsNone) {
  EXPECT_THAT(make(config::AddressRules{{"10.0.0.0/8", "10.0.0.0/64"}, {}}).failure().text,
              HasSubstr("'10.0.0.0/64' must have"));
  EXPECT_THAT(make(config::AddressRules{{}, {"localhost"}}).failure().text,
              HasSubstr("'localhost' must be"));
}

// ---- connection_limit

struct Crowd {
  explicit Crowd(const config::ConnectionLimit& options) : limit(make(options)) {}

  // Null: refused.
  std::unique_ptr<Part> come(const char* user, const char* address, const char* database = "pets") {
    door.identity.user = user;
    door.identity.address = address;
    door.identity.database = database;
    auto part = door.begin(**limit);
    last = door.enter(*part);
    if (last.kind == Verdict::Kind::refuse) {
      EXPECT_EQ(last.reason, RefusalReason::connections);
      part->on_close(door.now);
      return nullptr;
    }
    return part;
  }

  Made limit;
  Door door;
  Verdict last;
};

TEST(ConnectionLimit, EachBoundCountsItsOwn) {
  Crowd crowd({.total = 4, .per_user = 2, .per_address = 3, .per_database = 0});
  const auto a1 = crowd.come("a", "192.0.2.1");
  const auto a2 = crowd.come("a", "192.0.2.1");
  EXPECT_TRUE(a1 && a2);
  EXPECT_FALSE(crowd.come("a", "192.0.2.2"));
  EXPECT_THAT(crowd.last.failure->text,
              HasSubstr("too many sessions for 'a': connection_limit.per_user is 2"));
  const auto b1 = crowd.come("b", "192.0.2.1");
  EXPECT_TRUE(b1);
  EXPECT_FALSE(crowd.come("c", "192.0.2.1"));
  EXPECT_THAT(crowd.last.failure->text, HasSubstr("for '192.0.2.1': connection_limit.per_address"));
  const auto local = crowd.come("c", "");
  EXPECT_TRUE(local);
  EXPECT_FALSE(crowd.come("d", "192.0.2.9"));
  EXPECT_THAT(crowd.last.failure->text,
              HasSubstr("too many sessions: connection_limit.total is 4"));
}

TEST(ConnectionLimit, GivesBackWhatItCountedExactlyOnce) {
  Crowd crowd({.total = 0, .per_user = 1, .per_address = 0, .per_database = 2});
  auto a = crowd.come("a", "192.0.2.1");
  EXPECT_FALSE(crowd.come("a", "192.0.2.1"));  // its on_close gives nothing back
  EXPECT_FALSE(crowd.come("a", "192.0.2.1"));
  a->on_close(crowd.door.now);
  a->on_close(crowd.door.now);
  auto again = crowd.come("a", "192.0.2.1");
  EXPECT_TRUE(again);
  EXPECT_FALSE(crowd.come("a", "192.0.2.1"));
  again.reset();  // without on_close, too
  const auto b = crowd.come("b", "192.0.2.1");
  const auto c = crowd.come("c", "192.0.2.1");
  EXPECT_TRUE(b && c);
  EXPECT_FALSE(crowd.come("d", "192.0.2.1"));
  EXPECT_TRUE(crowd.come("d", "192.0.2.1", "other"));
}

TEST(ConnectionLimit, IsExactOverWorkers) {
  constexpr int kThreads = 4;
  constexpr std::size_t kMost = 10;
  auto made = make(config::ConnectionLimit{.total = kMost, .per_user = kMost});
  ASSERT_TRUE(made);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  const auto work = [&] {
    Door door;
    for (int round = 0; round < 2000; ++round) {
      std::vector<std::unique_ptr<Part>> held;
      for (int more = 0; more < 5; ++more) {
        auto part = door.begin(**made);
        if (door.enter(*part).kind == Verdict::Kind::allow) {
          const int now = inside.fetch_add(1) + 1;
          for (int seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {
          }
          held.push_back(std::move(part));
        }
      }
      for (const auto& part : held) {
        inside.fetch_sub(1);
        part->on_close(door.now);
      }
    }
  };
  std::vector<std::thread> threads;
  for (int index = 0; index < kThreads; ++index) {
    threads.emplace_back(work);
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_LE(most.load(), static_cast<int>(kMost));
  Door door;
  std::vector<std::unique_ptr<Part>> all;
  for (std::size_t index = 0; index < kMost; ++index) {
    all.push_back(door.begin(**made));
    EXPECT_EQ(door.enter(*all.back()).kind, Verdict::Kind::allow);
  }
  EXPECT_EQ(door.enter(**made).kind, Verdict::Kind::refuse);
}

TEST(ConnectionLimit, NeedsABound) {
  EXPECT_FALSE(make(config::ConnectionLimit{}));
}

// ---- settings

TEST(Settings, OneNameServesBothFamilies) {
  auto made = make(config::SessionSettings{
      {{"App.Tenant", "t"}, {"time_zone", "UTC"}, {"@only_mysql", "1"}, {"time_zone", "+00:00"}}});
  ASSERT_TRUE(made);
  Door door;
  EXPECT_EQ(door.enter(**made).kind, Verdict::Kind::allow);
  EXPECT_THAT(door.login->settings,
              ElementsAre(Pair("app.tenant", "t"), Pair("time_zone", "+00:00")));
  EXPECT_TRUE(door.login->fixed.empty());
  door.identity.protocol = protocol::Protocol::mysql;
  door.enter(**made);
  EXPECT_THAT(door.login->settings, ElementsAre(Pair("@app_tenant", "t"), Pair("@only_mysql", "1"),
                                                Pair("time_zone", "+00:00")));
}

TEST(Settings, ThatCannotBeSetAreRefused) {
  EXPECT_THAT(make(config::SessionSettings{{{"a b", "1"}}}).failure().text, HasSubstr("'a b'"));
  EXPECT_FALSE(make(config::SessionSettings{{{"role", "x"}}}));
  EXPECT_FALSE(make(config::SessionSettings{{{"a", std::string("x\0y", 3)}}}));
}

// ---- statement_timeout

TEST(StatementTimeout, TheShortestOfTheChainCounts) {
  auto made = make(config::StatementTimeout{30s});
  ASSERT_TRUE(made);
  EXPECT_TRUE((*made)->wants().request);
  Door door;
  auto part = door.begin(**made);
  for (const auto& [before, after] :
       std::vector<std::pair<Duration, Duration>>{{0s, 30s}, {5s, 5s}, {60s, 30s}}) {
    Verdict verdict;
    verdict.timeout = before;
    part->on_request({}, door.now, verdict);
    EXPECT_EQ(verdict.timeout, after);
    EXPECT_EQ(verdict.kind, Verdict::Kind::allow);
  }
  EXPECT_FALSE(make(config::StatementTimeout{0ms}));
}

}  // namespace
}  // namespace sluice::proxy::middleware
