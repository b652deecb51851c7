// A scrape: 200 pools on as many workers as given, each with its histograms filled.

#include <benchmark/benchmark.h>

#include <chrono>
#include <string>

#include "metrics/registry.hpp"

namespace sluice::metrics {
namespace {

constexpr int kPools = 200;

void fill(Registry& registry, int workers) {
  for (int worker = 0; worker < workers; ++worker) {
    registry.add_worker();
    registry.add_listener("pg").connections_total.add(10'000);
    for (int pool = 0; pool < kPools; ++pool) {
      PoolInstruments& of = registry.add_pool("pool-" + std::to_string(pool));
      for (int ms = 1; ms < 1000; ms *= 2) {
        for (Histogram* one : {&of.wait, &of.use, &of.query_duration, &of.transaction_duration}) {
          one->observe(std::chrono::milliseconds(ms));
        }
      }
      of.transactions.add(1'000'000);
    }
  }
  for (int pool = 0; pool < kPools; ++pool) {
    registry.sample_pool("pool-" + std::to_string(pool), [] {
      PoolSample sample;
      sample.used = 7;
      sample.backend_up = true;
      return sample;
    });
  }
}

void BM_Scrape(benchmark::State& state) {
  Registry registry("1.2.3");
  fill(registry, static_cast<int>(state.range(0)));
  std::size_t bytes = 0;
  for (auto _ : state) {
    bytes = registry.render().size();
    benchmark::DoNotOptimize(bytes);
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(BM_Scrape)->Arg(2)->Arg(16)->Unit(benchmark::kMillisecond);

// What a worker waits that asks for a set of instruments during a scrape.
void BM_AddPoolDuringScrapes(benchmark::State& state) {
  static Registry registry("1.2.3");
  if (state.thread_index() == 0) {
    fill(registry, 2);
  }
  std::chrono::nanoseconds longest{0};
  for (auto _ : state) {
    if (state.thread_index() == 0) {
      benchmark::DoNotOptimize(registry.render().size());
    } else {
      const auto begin = std::chrono::steady_clock::now();
      registry.add_route("route");
      longest =
          std::max(longest, std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin));
    }
  }
  if (state.thread_index() == 1) {
    state.counters["longest_us"] = static_cast<double>(longest.count()) / 1e3;
  }
}
BENCHMARK(BM_AddPoolDuringScrapes)->Threads(2)->Iterations(50)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sluice::metrics
