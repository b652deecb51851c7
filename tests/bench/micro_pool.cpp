// What a checkout costs: the pool's decision with its lock, alone, among threads, and with a queue.

#include <benchmark/benchmark.h>

#include <deque>
#include <memory>
#include <variant>

#include "pool/pool.hpp"

namespace {

using namespace sluice::pool;

struct TestMember : Member {};

struct TestWaiter : Waiter {
  void deliver(Decision decision) override { told = decision; }
  Decision told = Queued{};
};

Limits sized(std::size_t pool_size) {
  Limits limits;
  limits.pool_size = pool_size;
  return limits;
}

// A pool whose connections are all open and idle.
struct Filled {
  explicit Filled(std::size_t size) : pool("bench", sized(size)), members(size) {
    TestWaiter waiter;
    for (TestMember& member : members) {
      pool.acquire(waiter, {}, Clock::now());
      pool.opened(member, Clock::now());
    }
    for (TestMember& member : members) {
      pool.release(member, Clock::now());
    }
  }
  ~Filled() { pool.shut_down(); }
  Pool pool;
  std::deque<TestMember> members;
};

void pool_checkout(benchmark::State& state) {
  static std::unique_ptr<Filled> shared;
  if (state.thread_index() == 0) {
    shared = std::make_unique<Filled>(20);
  }
  TestWaiter waiter;
  TimePoint now = Clock::now();
  for (auto _ : state) {
    Decision decision = shared->pool.acquire(waiter, {}, now);
    shared->pool.release(*std::get<Reuse>(decision).member, now);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(pool_checkout)->Threads(1)->Threads(2);

// Everything is lent and somebody waits: a release hands over, and who had it queues again.
void pool_hand_over(benchmark::State& state) {
  Filled filled(1);
  TestWaiter one;
  TestWaiter two;
  TimePoint now = Clock::now();
  Decision first = filled.pool.acquire(one, {}, now);
  Member* held = std::get<Reuse>(first).member;
  TestWaiter* waiting = &two;
  TestWaiter* holder = &one;
  filled.pool.acquire(*waiting, {}, now);
  for (auto _ : state) {
    filled.pool.release(*held, now);
    held = std::get<Reuse>(waiting->told).member;
    std::swap(waiting, holder);
    filled.pool.acquire(*waiting, {}, now);
  }
  filled.pool.withdraw(*waiting);
  filled.pool.release(*held, now);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(pool_hand_over);

// The idle connections have other session state than is asked for: how far the search goes.
void pool_search(benchmark::State& state) {
  auto size = static_cast<std::size_t>(state.range(0));
  Filled filled(size);
  TestWaiter waiter;
  TimePoint now = Clock::now();
  Ask ask;
  ask.state_hash = 7;
  for (auto _ : state) {
    Decision decision = filled.pool.acquire(waiter, ask, now);
    filled.pool.release(*std::get<Reuse>(decision).member, now);
  }
}
BENCHMARK(pool_search)->Arg(1)->Arg(20)->Arg(200);

}  // namespace
