// Eight threads on one Pool: for ThreadSanitizer, and for the count of what each of them holds.

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "pool/pool.hpp"
#include "tests/pool/fixtures.hpp"

namespace sluice::pool::test {
namespace {

constexpr std::size_t kThreads = 8;
constexpr int kRounds = 4000;
constexpr std::size_t kBound = 3;

struct SharedMember : TestMember {
  std::atomic<bool> held{false};
  int plain = 0;  // a data race here is a member that two threads hold
};

struct BlockingWaiter : Waiter {
  void deliver(Decision decision) override {
    const std::lock_guard lock(mutex);
    told = decision;
    ready.notify_one();
  }
  Decision wait() {
    std::unique_lock lock(mutex);
    ready.wait(lock, [this] { return told.has_value(); });
    return *std::exchange(told, std::nullopt);
  }
  std::mutex mutex;
  std::condition_variable ready;
  std::optional<Decision> told;
};

struct Stage {
  Stage() : pool("stress", limits()) {}
  static Limits limits() {
    Limits limits;
    limits.pool_size = 2;
    limits.max_overflow = 1;
    limits.pre_ping = true;
    limits.pre_ping_idle = 3ms;
    limits.recycle = 40ms;
    return limits;
  }
  TimePoint now() { return t(std::chrono::microseconds(++ticks)); }

  Pool pool;
  std::atomic<int> ticks{0};
  std::atomic<int> opened{0};
  std::atomic<int> closed{0};
  std::atomic<int> served{0};
  std::atomic<int> withdrawn{0};
  std::atomic<int> violations{0};
};

class Client {
 public:
  Client(Stage& stage, std::uint32_t number) : stage_(stage), random_(number), number_(number) {}

  void run() {
    for (int i = 0; i < kRounds; ++i) {
      if (SharedMember* member = acquire(); member != nullptr) {
        use(*member);
      }
      const Snapshot snapshot = stage_.pool.snapshot(stage_.now());
      if (snapshot.idle + snapshot.in_use + snapshot.opening > kBound ||
          (snapshot.waiting > 0 && snapshot.idle > 0)) {
        ++stage_.violations;
      }
    }
  }

 private:
  SharedMember* acquire() {
    const Ask ask{number_, random_() % 8 == 0 ? 1U : 0U, random_() % 2};
    Decision decision = stage_.pool.acquire(waiter_, ask, stage_.now());
    if (queued(decision)) {
      if (random_() % 4 == 0) {
        std::this_thread::yield();
        if (stage_.pool.withdraw(waiter_)) {
          ++stage_.withdrawn;
          return nullptr;
        }
      }
      decision = waiter_.wait();
    }
    ++stage_.served;
    return take(ask, decision);
  }

  SharedMember* take(const Ask& ask, const Decision& decision) {
    if (Member* member = reused(decision); member != nullptr) {
      SharedMember& shared = static_cast<SharedMember&>(*member);
      if (shared.held.exchange(true) || shared.fit_class != ask.fit_class) {
        ++stage_.violations;
      }
      if (pinged(decision)) {
        stage_.pool.proven(shared, stage_.now());
      }
      return &shared;
    }
    if (Member* evict = std::get<Open>(decision).evict; evict != nullptr) {
      if (static_cast<SharedMember*>(evict)->held.exchange(true)) {
        ++stage_.violations;
      }
      close(*evict);
    }
    if (random_() % 16 == 0) {
      stage_.pool.open_failed(stage_.now(), OpenFailure::transient);
      return nullptr;
    }
    return open(ask);
  }

  SharedMember* open(const Ask& ask) {
    auto* member = new SharedMember;
    member->worker = number_;
    member->fit_class = ask.fit_class;
    member->held = true;
    ++stage_.opened;
    stage_.pool.opened(*member, stage_.now());
    return member;
  }

  void use(SharedMember& member) {
    ++member.plain;
    if (random_() % 8 == 0) {
      std::this_thread::yield();
    }
    const unsigned fate = random_() % 32;
    if (fate == 0) {
      stage_.pool.forget(member, stage_.now(), true);
      close(member);
    } else if (fate == 1) {
      stage_.pool.replace(member, waiter_, stage_.now(), true);
      const Ask same{number_, member.fit_class, 0};
      close(member);
      use(*open(same));
    } else {
      member.worker = number_;
      member.state_hash = random_() % 2;
      member.held = false;
      if (!stage_.pool.release(member, stage_.now()).kept) {
        close(member);
        stage_.pool.closed(stage_.now());
      }
    }
  }

  void close(Member& member) {
    ++stage_.closed;
    delete static_cast<SharedMember*>(&member);
  }

  Stage& stage_;
  std::mt19937 random_;
  std::uint32_t number_;
  BlockingWaiter waiter_;
};

TEST(PoolStress, EightThreadsHoldEachMemberAloneAndLoseNothing) {
  Stage stage;
  {
    std::vector<std::unique_ptr<Client>> clients;
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 0; i < kThreads; ++i) {
      clients.push_back(std::make_unique<Client>(stage, i));
      threads.emplace_back([client = clients.back().get()] { client->run(); });
    }
    threads.clear();
  }
  const Snapshot end = stage.pool.snapshot(stage.now());
  EXPECT_EQ(end.in_use, 0U);
  EXPECT_EQ(end.opening, 0U);
  EXPECT_EQ(end.waiting, 0U);
  EXPECT_EQ(stage.violations, 0);
  EXPECT_EQ(stage.served + stage.withdrawn, static_cast<int>(kThreads) * kRounds);
  for (Member* member : stage.pool.shut_down()) {
    ++stage.closed;
    delete static_cast<SharedMember*>(member);
  }
  EXPECT_EQ(stage.opened, stage.closed);
  EXPECT_GT(stage.withdrawn, 0);
}

}  // namespace
}  // namespace sluice::pool::test
