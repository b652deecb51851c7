// Seeded random lives of several pools that share a budget: units are counted exactly after every
// step, the limit holds, and when all give back what they hold everybody who waits is served.

#include "pool/budget.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/pool/fixtures.hpp"

namespace sluice::pool::test {
namespace {

constexpr int kSessions = 14;
constexpr int kSteps = 150;

struct Session : TestWaiter {
  std::size_t pool = 0;
  bool waits = false;
  bool opens = false;
  Member* holds = nullptr;
  bool idle() const { return !waits && !opens && holds == nullptr; }
};

class Siblings {
 public:
  explicit Siblings(std::uint32_t seed) : random_(seed), seed_(seed), limit_(1 + pick(5)) {
    budget_ = std::make_shared<Budget>(limit_);
    const std::size_t count = 2 + pick(3);
    counts_.resize(count);
    probes_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      Limits limits = sized(1 + pick(4), static_cast<int>(pick(3)));
      limits.idle_timeout = pick(2) == 0 ? Duration(500ms) : Duration(0);
      limits.recycle = pick(3) == 0 ? Duration(1s) : Duration(-1);
      limits.connect_retry_min = 20ms;
      limits.connect_retry_max = 100ms;
      limits.outage_grace = 200ms;
      limits.jitter_seed = seed * 31 + i;
      pools_.push_back(
          std::make_unique<Pool>("p" + std::to_string(i), limits, std::vector{budget_}));
      pools_[i]->on_tick_wanted([] {});
    }
    for (int i = 0; i < kSessions; ++i) {
      sessions_.push_back(std::make_unique<Session>());
    }
  }

  ~Siblings() {
    for (auto& pool : pools_) {
      pool->shut_down();
    }
  }

  void run() {
    for (int i = 0; i < kSteps && !testing::Test::HasFailure(); ++i) {
      now_ += std::chrono::milliseconds(pick(40));
      step();
      check();
    }
    finish();
  }

  std::map<std::string, int> happened;

 private:
  struct Counts {
    std::size_t opening = 0;
    std::size_t lent = 0;
    std::size_t idle = 0;
    std::size_t closing = 0;
    std::size_t all() const { return opening + lent + idle + closing; }
  };

  std::size_t pick(unsigned below) { return random_() % below; }
  std::string where() const { return "seed " + std::to_string(seed_); }

  Session* any(bool (*fits)(const Session&)) {
    const std::size_t from = pick(kSessions);
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
      Session& session = *sessions_[(from + i) % sessions_.size()];
      if (fits(session)) {
        return &session;
      }
    }
    return nullptr;
  }

  void step() {
    switch (pick(9)) {
      case 0:
      case 1:
      case 2:
        return arrive();
      case 3:
        return finish_opening(pick(4) != 0);
      case 4:
        return give_back();
      case 5:
        return end_closing();
      case 6:
        return withdraw();
      case 7:
        return finish_probes(pick(3) != 0);
      default:
        return tick();
    }
  }

  void arrive() {
    Session* session = any([](const Session& one) { return one.idle(); });
    if (session == nullptr) {
      return;
    }
    session->pool = pick(static_cast<unsigned>(pools_.size()));
    take(*session, pools_[session->pool]->acquire(*session, {}, now_));
  }

  void take(Session& session, const Decision& decision) {
    Counts& counts = counts_[session.pool];
    session.waits = queued(decision);
    if (Member* member = reused(decision)) {
      --counts.idle;
      ++counts.lent;
      session.holds = member;
    } else if (const auto* open = std::get_if<Open>(&decision)) {
      session.opens = true;
      ++counts.opening;
      if (open->evict != nullptr) {
        --counts.idle;  // it ends first; its slot, and its unit, are the asker's
        ++happened["own evicted"];
      }
    } else if (session.waits) {
      ++happened["queued"];
    } else {
      ++happened["down"];
    }
  }

  // What others were told while something was done.
  void hear() {
    for (auto& session : sessions_) {
      if (session->waits && session->told) {
        const Decision told = *std::exchange(session->told, std::nullopt);
        ++happened["told"];
        take(*session, told);
      }
    }
  }

  // What the pool itself wanted opened: to see whether the server is back.
  void finish_probes(bool success) {
    for (std::size_t i = 0; i < pools_.size(); ++i) {
      if (probes_[i] == 0) {
        continue;
      }
      --probes_[i];
      --counts_[i].opening;
      if (!success) {
        pools_[i]->open_failed(now_, OpenFailure::transient);
        return hear();
      }
      Member& member = *members_.emplace_back(std::make_unique<TestMember>());
      ++counts_[i].lent;
      pools_[i]->opened(member, now_);
      hear();
      return put_back(i, member);
    }
  }

  void finish_opening(bool success) {
    Session* session = any([](const Session& one) { return one.opens; });
    if (session == nullptr) {
      return;
    }
    Counts& counts = counts_[session->pool];
    session->opens = false;
    --counts.opening;
    if (success) {
      session->holds = members_.emplace_back(std::make_unique<TestMember>()).get();
      ++counts.lent;
      pools_[session->pool]->opened(*session->holds, now_);
    } else {
      ++happened["failed"];
      pools_[session->pool]->open_failed(
          now_, pick(2) == 0 ? OpenFailure::given_up : OpenFailure::transient);
    }
    hear();
  }

  void give_back() {
    Session* session = any([](const Session& one) { return one.holds != nullptr; });
    if (session == nullptr) {
      return;
    }
    Counts& counts = counts_[session->pool];
    Member* member = std::exchange(session->holds, nullptr);
    if (pick(5) == 0) {
      const bool ended = pick(2) == 0;
      --counts.lent;
      counts.closing += ended ? 0 : 1;
      pools_[session->pool]->forget(*member, now_, ended);
      hear();
      return;
    }
    put_back(session->pool, *member);
  }

  void put_back(std::size_t pool, Member& member) {
    Counts& counts = counts_[pool];
    const Pool::Returned returned = pools_[pool]->release(member, now_);
    --counts.lent;
    // Kept: idle, or lent to a waiter, who has been told.
    ++(returned.kept ? counts.idle : counts.closing);
    happened["gave way"] += !returned.kept && returned.reason == CloseReason::evicted ? 1 : 0;
    hear();
  }

  void end_closing() {
    for (std::size_t i = 0; i < pools_.size(); ++i) {
      if (counts_[i].closing > 0) {
        --counts_[i].closing;
        pools_[i]->closed(now_);
        hear();
        return;
      }
    }
  }

  void withdraw() {
    Session* session = any([](const Session& one) { return one.waits; });
    if (session != nullptr && pools_[session->pool]->withdraw(*session)) {
      session->waits = false;
      ++happened["withdrawn"];
    }
    hear();
  }

  void tick() {
    for (std::size_t i = 0; i < pools_.size(); ++i) {
      const Tick tick = pools_[i]->tick(now_);
      counts_[i].idle -= tick.close.size();
      counts_[i].closing += tick.close.size();
      EXPECT_TRUE(tick.ping.empty()) << "no keepalive was asked for";
      probes_[i] += tick.open;
      counts_[i].opening += tick.open;
      happened["probed"] += static_cast<int>(tick.open);
      for (const Tick::Close& close : tick.close) {
        happened["evicted for a sibling"] += close.reason == CloseReason::evicted ? 1 : 0;
      }
      hear();
    }
  }

  void check() {
    std::size_t all = 0;
    for (std::size_t i = 0; i < pools_.size(); ++i) {
      const Snapshot seen = pools_[i]->snapshot(now_);
      // One that is evicted for a sibling is closing from then on, and known at the next tick.
      EXPECT_EQ(seen.idle + seen.closing, counts_[i].idle + counts_[i].closing) << where();
      EXPECT_EQ(seen.in_use, counts_[i].lent) << where();
      EXPECT_EQ(seen.opening, counts_[i].opening) << where();
      all += counts_[i].all();
    }
    EXPECT_EQ(budget_->used(), all) << where();
    EXPECT_LE(all, limit_) << where();
  }

  // Everybody finishes what it does and asks for no more: whoever waits must get its turn.
  void finish() {
    for (int round = 0; round < 400 && !testing::Test::HasFailure(); ++round) {
      now_ += 30ms;
      finish_probes(true);
      finish_opening(true);
      give_back();
      end_closing();
      tick();
      check();
    }
    for (const auto& session : sessions_) {
      EXPECT_TRUE(session->idle()) << where() << ": somebody was forgotten";
    }
  }

  std::mt19937 random_;
  std::uint32_t seed_;
  std::size_t limit_;
  std::shared_ptr<Budget> budget_;
  std::vector<std::unique_ptr<TestMember>> members_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<std::unique_ptr<Pool>> pools_;
  std::vector<Counts> counts_;
  std::vector<std::size_t> probes_;  // of the openings
  TimePoint now_ = t(0s);
};

TEST(BudgetProperty, UnitsAreExactAndNobodyIsForgotten) {
  std::map<std::string, int> happened;
  for (std::uint32_t seed = 1; seed <= 1000 && !HasFailure(); ++seed) {
    Siblings siblings(seed);
    siblings.run();
    for (const auto& [what, times] : siblings.happened) {
      happened[what] += times;
    }
  }
  for (const char* what :
       {"queued", "told", "failed", "withdrawn", "gave way", "evicted for a sibling"}) {
    EXPECT_GT(happened[what], 100) << what << ": the test does not reach it";
  }
}

}  // namespace
}  // namespace sluice::pool::test
