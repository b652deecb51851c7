// Seeded random lives of a pool against a simple model: bounds, order, nothing lost, nothing lent
// twice, after every single step.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "pool/pool_state.hpp"
#include "tests/pool/fixtures.hpp"

namespace sluice::pool::test {
namespace {

enum class Place : std::uint8_t { lent, idle, gone };

struct ModelMember : TestMember {
  Place place = Place::lent;
  TimePoint opened;
  TimePoint proven;
};

struct ModelWaiter : TestWaiter {
  Ask ask;
};

class World {
 public:
  World(std::uint32_t seed, const Limits& limits)
      : random_(seed), limits_(limits), pool_(limits), seed_(seed) {}

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      now_ += std::chrono::milliseconds(pick(400));
      step(pick(20));
      check();
    }
    finish();
  }

  std::map<std::string, int> happened;

 private:
  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }

  void step(int kind) {
    if (kind < 8) {
      arrive();
    } else if (kind < 13) {
      release();
    } else if (kind < 15) {
      finish_opening(pick(4) != 0);
    } else if (kind == 15) {
      forget_or_replace();
    } else if (kind == 16) {
      lose();
    } else if (kind == 17) {
      time_out();
    } else if (kind == 18) {
      for (const Tick::Close& close : pool_.tick(now_).close) {
        bury(*close.member, Place::idle);
        EXPECT_TRUE(old(as_model(*close.member)));
        pool_.closed(now_);
      }
    } else if (pick(5) == 0) {
      pool_.distrust(now_);
      distrusted_ = now_;
    }
  }

  void arrive() {
    auto waiter = std::make_unique<ModelWaiter>();
    waiter->ask.worker = static_cast<std::uint32_t>(pick(3));
    waiter->ask.fit_class = static_cast<std::uint64_t>(pick(10) / 8);
    waiter->ask.state_hash = static_cast<std::uint64_t>(pick(3));
    const bool must_queue = !queue_.empty();
    const bool room = count(Place::idle) > 0 || existing() < bound();
    const Decision decision = pool_.acquire(*waiter, waiter->ask, now_);
    if (queued(decision)) {
      EXPECT_FALSE(!must_queue && room) << "queued although something was free";
      queue_.push_back(std::move(waiter));
      ++happened["queued"];
      return;
    }
    EXPECT_FALSE(must_queue) << "overtook the queue";
    apply(waiter->ask, decision, Place::idle);
  }

  // What `ask` was told; a member in it comes from `from`.
  void apply(const Ask& ask, const Decision& decision, Place from) {
    if (const Open* open = std::get_if<Open>(&decision)) {
      ++opening_;
      if (open->evict != nullptr) {
        const ModelMember& member = as_model(*open->evict);
        EXPECT_EQ(open->reason == CloseReason::lifetime, old(member));
        EXPECT_TRUE(old(member) || member.fit_class != ask.fit_class) << "evicted what fits";
        bury(*open->evict, from);
        ++happened["evicted"];
      }
      return;
    }
    ASSERT_NE(reused(decision), nullptr);
    ModelMember& member = as_model(*reused(decision));
    EXPECT_EQ(member.place, from);
    EXPECT_EQ(member.fit_class, ask.fit_class);
    EXPECT_FALSE(old(member));
    const bool stale = limits_.pre_ping && now_ - member.proven >= limits_.pre_ping_idle;
    EXPECT_EQ(pinged(decision), stale || member.proven <= distrusted_);
    happened["pinged"] += pinged(decision) ? 1 : 0;
    member.place = Place::lent;
    ++happened["reused"];
  }

  void accept(const Handoff& handoff, bool expected, Place from) {
    ASSERT_EQ(handoff.waiter != nullptr, expected);
    if (!expected) {
      return;
    }
    ASSERT_EQ(handoff.waiter, queue_.front().get()) << "not in the order of asking";
    apply(queue_.front()->ask, handoff.decision, from);
    queue_.pop_front();
    ++happened["handed over"];
  }

  void release() {
    ModelMember* member = any(Place::lent);
    if (member == nullptr) {
      return;
    }
    member->state_hash = static_cast<std::uint64_t>(pick(3));
    if (pick(2) == 0) {
      PoolState::proven(*member, now_);
      member->proven = now_;
    }
    const bool waiting = !queue_.empty();
    const std::size_t idle = count(Place::idle);
    const PoolState::Released released = pool_.release(*member, now_);
    accept(released.handoff, waiting, Place::lent);
    if (waiting) {
      EXPECT_TRUE(released.returned.kept);
    } else if (released.returned.kept) {
      EXPECT_FALSE(old(*member));
      EXPECT_LT(idle, keep());
      member->place = Place::idle;
    } else {
      EXPECT_EQ(released.returned.reason,
                old(*member) ? CloseReason::lifetime : CloseReason::overflow);
      EXPECT_TRUE(old(*member) || idle >= keep());
      bury(*member, Place::lent);
      pool_.closed(now_);
      ++happened["closed on return"];
    }
  }

  void finish_opening(bool success) {
    if (opening_ == 0) {
      return;
    }
    --opening_;
    if (!success) {
      const bool waiting = !queue_.empty();
      accept(pool_.open_failed(now_, OpenFailure::transient), waiting, Place::lent);
      return;
    }
    ModelMember& member = *members_.emplace_back(std::make_unique<ModelMember>());
    member.worker = static_cast<std::uint32_t>(pick(3));
    member.fit_class = static_cast<std::uint64_t>(pick(10) / 8);
    member.opened = member.proven = now_;
    pool_.opened(member, now_);
  }

  void forget_or_replace() {
    ModelMember* member = any(Place::lent);
    if (member == nullptr) {
      return;
    }
    bury(*member, Place::lent);
    if (pick(2) == 0) {
      pool_.replace(*member, true);
      ++opening_;
    } else {
      const bool waiting = !queue_.empty();
      accept(pool_.forget(*member, now_, true), waiting, Place::lent);
    }
  }

  void lose() {
    ModelMember* member = any(
        std::array{Place::idle, Place::lent, Place::gone}.at(static_cast<std::size_t>(pick(3))));
    if (member == nullptr) {
      return;
    }
    EXPECT_EQ(pool_.lost(*member), member->place == Place::idle);
    if (member->place == Place::idle) {
      member->place = Place::gone;
      ++happened["lost"];
    }
  }

  void time_out() {
    if (queue_.empty()) {
      return;
    }
    const auto who = queue_.begin() + pick(static_cast<int>(queue_.size()));
    EXPECT_TRUE(pool_.withdraw(**who));
    EXPECT_FALSE(pool_.withdraw(**who));
    queue_.erase(who);
    ++happened["withdrawn"];
  }

  void check() {
    const Snapshot snapshot = pool_.snapshot(now_);
    ASSERT_EQ(snapshot.idle, count(Place::idle)) << "seed " << seed_;
    ASSERT_EQ(snapshot.in_use, count(Place::lent)) << "seed " << seed_;
    ASSERT_EQ(snapshot.opening, opening_) << "seed " << seed_;
    ASSERT_EQ(snapshot.waiting, queue_.size()) << "seed " << seed_;
    ASSERT_LE(existing(), bound()) << "seed " << seed_;
    ASSERT_LE(snapshot.idle, keep()) << "seed " << seed_;
    if (!queue_.empty()) {
      ASSERT_EQ(existing(), bound()) << "somebody waits beside a free slot, seed " << seed_;
      ASSERT_EQ(snapshot.idle, 0U) << "somebody waits beside an idle member, seed " << seed_;
    }
  }

  // Everything comes back; then everybody must have been served.
  void finish() {
    while (!testing::Test::HasFailure() && (opening_ > 0 || count(Place::lent) > 0)) {
      finish_opening(true);
      release();
      check();
    }
    EXPECT_TRUE(queue_.empty()) << "seed " << seed_;
    EXPECT_EQ(pool_.shut_down(CloseReason::drain).members.size(), count(Place::idle));
    for (const auto& waiter : queue_) {
      pool_.withdraw(*waiter);  // only after a failure
    }
  }

  void bury(Member& member, Place from) {
    EXPECT_EQ(as_model(member).place, from);
    as_model(member).place = Place::gone;
  }
  ModelMember* any(Place place) {
    std::vector<ModelMember*> there;
    for (const auto& member : members_) {
      if (member->place == place) {
        there.push_back(member.get());
      }
    }
    return there.empty() ? nullptr
                         : there[static_cast<std::size_t>(pick(static_cast<int>(there.size())))];
  }
  std::size_t count(Place place) const {
    return static_cast<std::size_t>(
        std::count_if(members_.begin(), members_.end(),
                      [place](const auto& member) { return member->place == place; }));
  }
  std::size_t existing() const { return count(Place::idle) + count(Place::lent) + opening_; }
  std::size_t bound() const {
    return limits_.pool_size == 0 || limits_.max_overflow < 0
               ? 1U << 30U
               : limits_.pool_size + static_cast<std::size_t>(limits_.max_overflow);
  }
  std::size_t keep() const { return limits_.pool_size == 0 ? 1U << 30U : limits_.pool_size; }
  bool old(const ModelMember& member) const {
    return limits_.recycle >= Duration(0) && now_ - member.opened >= limits_.recycle;
  }
  static ModelMember& as_model(Member& member) { return static_cast<ModelMember&>(member); }

  std::mt19937 random_;
  Limits limits_;
  std::vector<std::unique_ptr<ModelMember>> members_;
  std::deque<std::unique_ptr<ModelWaiter>> queue_;
  PoolState pool_;
  std::uint32_t seed_;
  TimePoint now_ = t(0s);
  TimePoint distrusted_ = TimePoint::min();
  std::size_t opening_ = 0;
};

Limits random_limits(std::uint32_t seed) {
  std::mt19937 random(seed * 7919U);
  Limits limits;
  limits.pool_size = random() % 6;
  limits.max_overflow = static_cast<int>(random() % 5) - 1;
  limits.recycle = random() % 2 == 0 ? Duration(-1) : Duration(std::chrono::seconds(5));
  limits.lifo = random() % 2 == 0;
  limits.pre_ping = random() % 2 == 0;
  limits.pre_ping_idle = std::chrono::milliseconds(500);
  return limits;
}

TEST(PoolProperty, RandomLivesKeepEveryPromise) {
  std::map<std::string, int> happened;
  for (std::uint32_t seed = 1; seed <= 300 && !HasFailure(); ++seed) {
    World world(seed, random_limits(seed));
    world.run(400);
    for (const auto& [what, times] : world.happened) {
      happened[what] += times;
    }
  }
  for (const char* what : {"queued", "evicted", "pinged", "reused", "handed over",
                           "closed on return", "lost", "withdrawn"}) {
    EXPECT_GT(happened[what], 200) << what << ": the test does not reach it";
  }
}

}  // namespace
}  // namespace sluice::pool::test
