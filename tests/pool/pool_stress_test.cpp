// Eight threads and a ticker on two Pools with one Budget: for ThreadSanitizer, and for the count
// of the connections that the server would see.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "pool/budget.hpp"
#include "pool/pool.hpp"
#include "tests/pool/fixtures.hpp"

namespace sluice::pool::test {
namespace {

constexpr std::size_t kThreads = 8;
constexpr int kRounds = 3000;
constexpr int kBound = 3;
constexpr int kBudget = 4;

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

// A database: what connections it has for one pool.
struct Server {
  std::atomic<int> connections{0};
  std::atomic<int> opened{0};
};

struct Stage {
  Stage() {
    for (std::uint64_t seed : {1, 2}) {
      pools.push_back(std::make_unique<Pool>("stress", limits(seed), std::vector{budget}));
      pools.back()->on_tick_wanted([this] { ++nudges; });
    }
  }
  static Limits limits(std::uint64_t seed) {
    Limits limits;
    limits.pool_size = 2;
    limits.max_overflow = 1;
    limits.max_connecting = 2;
    limits.min_idle = 1;
    limits.idle_timeout = 20ms;
    limits.keepalive_time = 10ms;
    limits.pre_ping = true;
    limits.pre_ping_idle = 3ms;
    limits.recycle = 40ms;
    limits.connect_retry_min = 50us;
    limits.connect_retry_max = 1ms;
    limits.outage_grace = 500us;
    limits.jitter_seed = seed;
    return limits;
  }
  TimePoint now() { return t(std::chrono::microseconds(++ticks)); }

  SharedMember* connect(std::size_t pool, std::uint32_t worker, std::uint64_t fit_class) {
    ++servers[pool].opened;
    const int here = ++servers[pool].connections;
    const int everywhere = ++connections;
    if (here > kBound || everywhere > kBudget) {
      ++violations;
    }
    auto* member = new SharedMember;
    member->worker = worker;
    member->fit_class = fit_class;
    member->held = true;
    return member;
  }
  void disconnect(std::size_t pool) {
    --connections;
    --servers[pool].connections;
  }
  void end(std::size_t pool, Member& member) {
    disconnect(pool);
    delete static_cast<SharedMember*>(&member);
  }

  std::shared_ptr<Budget> budget = std::make_shared<Budget>(kBudget);
  std::vector<std::unique_ptr<Pool>> pools;
  std::array<Server, 2> servers;
  std::atomic<int> connections{0};
  std::atomic<int> ticks{0};
  std::atomic<int> nudges{0};
  std::atomic<int> served{0};
  std::atomic<int> withdrawn{0};
  std::atomic<int> down{0};
  std::atomic<int> violations{0};
};

class Client {
 public:
  Client(Stage& stage, std::uint32_t number) : stage_(stage), random_(number), number_(number) {}

  void run() {
    for (int i = 0; i < kRounds; ++i) {
      at_ = random_() % 2;
      if (SharedMember* member = acquire(); member != nullptr) {
        ++stage_.served;
        use(*member);
      }
    }
  }

 private:
  Pool& pool() { return *stage_.pools[at_]; }

  SharedMember* acquire() {
    ask_ = {number_ % 4, random_() % 8 == 0 ? 1U : 0U, random_() % 2};
    Decision decision = pool().acquire(waiter_, ask_, stage_.now());
    for (;;) {
      if (queued(decision)) {
        if (random_() % 4 == 0 && pool().withdraw(waiter_)) {
          ++stage_.withdrawn;
          return nullptr;
        }
        decision = waiter_.wait();
      } else if (const Open* open = std::get_if<Open>(&decision)) {
        if (open->evict != nullptr) {
          hold(*open->evict);
          stage_.end(at_, *open->evict);
        }
        if (random_() % 8 != 0) {
          SharedMember* member = stage_.connect(at_, ask_.worker, ask_.fit_class);
          pool().opened(*member, stage_.now());
          return member;
        }
        decision = pool().open_again(waiter_, stage_.now(), OpenFailure::transient);
      } else if (Member* member = reused(decision); member != nullptr) {
        hold(*member);
        if (member->fit_class != ask_.fit_class) {
          ++stage_.violations;
        }
        if (!pinged(decision) || random_() % 8 != 0) {
          pool().proven(*member, stage_.now());
          return static_cast<SharedMember*>(member);
        }
        pool().distrust(stage_.now());
        static_cast<SharedMember*>(member)->held = false;  // it may come back, to be evicted
        decision = pool().replace(*member, waiter_, stage_.now(), false);
        if (!opens(decision)) {
          end_closing(*member);
        }
      } else {
        ++stage_.down;
        return nullptr;
      }
    }
  }

  void hold(Member& member) {
    if (static_cast<SharedMember&>(member).held.exchange(true)) {
      ++stage_.violations;
    }
  }

  void use(SharedMember& member) {
    ++member.plain;
    if (random_() % 8 == 0) {
      std::this_thread::yield();
    }
    const unsigned fate = random_() % 64;
    if (fate == 0) {
      pool().forget(member, stage_.now());
      end_closing(member);
    } else if (fate == 1) {
      stage_.disconnect(at_);
      pool().forget(member, stage_.now(), true);
      delete &member;
    } else {
      member.worker = ask_.worker;
      member.state_hash = random_() % 2;
      member.held = false;
      if (!pool().release(member, stage_.now()).kept) {
        end_closing(member);
      }
    }
  }

  void end_closing(Member& member) {
    stage_.end(at_, member);
    pool().closed(stage_.now());
  }

  Stage& stage_;
  std::mt19937 random_;
  std::uint32_t number_;
  std::size_t at_ = 0;
  Ask ask_;
  BlockingWaiter waiter_;
};

void tick(Stage& stage, std::size_t at) {
  Pool& pool = *stage.pools[at];
  const Tick todo = pool.tick(stage.now());
  for (const Tick::Close& close : todo.close) {
    stage.end(at, *close.member);
    pool.closed(stage.now());
  }
  const auto give_back = [&](SharedMember& member) {
    member.held = false;
    if (!pool.release(member, stage.now()).kept) {
      stage.end(at, member);
      pool.closed(stage.now());
    }
  };
  for (Member* member : todo.ping) {
    static_cast<SharedMember*>(member)->held = true;
    pool.proven(*member, stage.now());
    give_back(static_cast<SharedMember&>(*member));
  }
  for (std::size_t i = 0; i < todo.open; ++i) {
    SharedMember* member = stage.connect(at, 0, 0);
    pool.opened(*member, stage.now());
    give_back(*member);
  }
}

void run_clients(Stage& stage) {
  std::vector<std::unique_ptr<Client>> clients;
  const std::jthread ticker([&stage](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      tick(stage, 0);
      tick(stage, 1);
      std::this_thread::yield();
    }
  });
  std::vector<std::jthread> threads;
  for (std::uint32_t i = 0; i < kThreads; ++i) {
    clients.push_back(std::make_unique<Client>(stage, i));
    threads.emplace_back([client = clients.back().get()] { client->run(); });
  }
  threads.clear();
}

TEST(PoolStress, EightThreadsHoldEachMemberAloneAndLoseNothing) {
  Stage stage;
  run_clients(stage);
  EXPECT_EQ(stage.violations, 0);
  EXPECT_EQ(stage.served + stage.withdrawn + stage.down, static_cast<int>(kThreads) * kRounds);
  EXPECT_GT(stage.withdrawn, 0);
  EXPECT_GT(stage.nudges, 0);
  for (std::size_t at : {0, 1}) {
    Pool& pool = *stage.pools[at];
    for (Member* member : pool.shut_down()) {
      stage.end(at, *member);
      pool.closed(stage.now());
    }
    const Snapshot end = pool.snapshot(stage.now());
    EXPECT_EQ(end.idle + end.in_use + end.opening + end.closing + end.waiting, 0U);
    EXPECT_EQ(stage.servers[at].connections, 0);
    EXPECT_GT(stage.servers[at].opened, 10);
  }
  EXPECT_EQ(stage.budget->used(), 0U);
}

}  // namespace
}  // namespace sluice::pool::test
