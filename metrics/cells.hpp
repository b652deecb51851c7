#pragma once

// What a metric is made of: plain numbers with one writer. Each worker owns its own and is the only
// thread that changes them; the scraping thread reads them at any time. A change is a relaxed load,
// an addition and a relaxed store: no lock prefix, no shared cache line, and no data race.

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice::metrics {

class Counter {
 public:
  void add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// One worker's share; it may be negative where another worker does the taking away. Only the sum
// over the workers means something.
class Gauge {
 public:
  void add(std::int64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void sub(std::int64_t n = 1) { add(-n); }
  void set(std::int64_t n) { value_.store(n, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// What one thing adds to a gauge that many share: a session, a backend connection. It may be told
// on another worker than before, as only the sum over the workers means something; 0 at its end.
class Stake {
 public:
  void become(Gauge& gauge, std::size_t now) {
    if (now != counted_) {
      gauge.add(static_cast<std::int64_t>(now) - static_cast<std::int64_t>(counted_));
      counted_ = now;
    }
  }

 private:
  std::size_t counted_ = 0;
};

// Counted in a gauge for as long as it lives; on one thread.
class Present {
 public:
  explicit Present(Gauge& gauge) : gauge_(gauge) { gauge_.add(); }
  ~Present() { gauge_.sub(); }
  Present(const Present&) = delete;
  Present& operator=(const Present&) = delete;

 private:
  Gauge& gauge_;
};

// Upper bounds in nanoseconds, inclusive: 0.0001 s to 30 s. One list for every histogram, so that
// they can be put side by side. What lies above the last goes into one more bucket, +Inf.
inline constexpr std::array<std::uint64_t, 17> kBounds{
    100'000,      250'000,      500'000,      1'000'000,      2'500'000,     5'000'000,
    10'000'000,   25'000'000,   50'000'000,   100'000'000,    250'000'000,   500'000'000,
    1000'000'000, 2500'000'000, 5000'000'000, 10'000'000'000, 30'000'000'000};

// For every bit width of a value, the first bucket that can hold such a value. From there the right
// one is at most two steps away, as the bounds grow by a factor of at least two.
inline constexpr auto kFirstBucket = [] {
  std::array<std::uint8_t, 65> first{};
  for (std::size_t width = 1; width <= 64; ++width) {
    const std::uint64_t smallest = std::uint64_t{1} << (width - 1);
    std::uint8_t bucket = 0;
    while (bucket < kBounds.size() && kBounds[bucket] < smallest) {
      ++bucket;
    }
    first[width] = bucket;
  }
  return first;
}();

class Histogram {
 public:
  using Duration = std::chrono::nanoseconds;
  static constexpr std::size_t kBuckets = kBounds.size() + 1;

  static constexpr std::size_t bucket_of(std::uint64_t nanoseconds) {
    std::size_t bucket = kFirstBucket[std::bit_width(nanoseconds)];
    while (bucket < kBounds.size() && nanoseconds > kBounds[bucket]) {
      ++bucket;
    }
    return bucket;
  }

  // A negative duration counts as none.
  void observe(Duration took) {
    const auto ns = static_cast<std::uint64_t>(std::max<Duration::rep>(took.count(), 0));
    buckets_[bucket_of(ns)].add();
    sum_.add(ns);
  }
  void observe_seconds(double seconds) {
    observe(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
  }

  // Not cumulative.
  std::uint64_t bucket(std::size_t index) const { return buckets_[index].value(); }
  std::uint64_t sum_nanoseconds() const { return sum_.value(); }

 private:
  std::array<Counter, kBuckets> buckets_{};
  Counter sum_;
};

// How many values a label's enum has. An enum whose definition is not visible here says it by a
// specialization.
template <typename E>
inline constexpr std::size_t kValuesOf = static_cast<std::size_t>(E::count_);

// One cell for every combination of the values of its enums: errors(FailureKind::internal).add().
template <typename CellType, typename... Enums>
class Grid {
 public:
  using Cell = CellType;
  static constexpr std::size_t kSize = (kValuesOf<Enums> * ...);

  Cell& operator()(Enums... values) { return cells_[index(values...)]; }
  const Cell& operator()(Enums... values) const { return cells_[index(values...)]; }
  const Cell& cell(std::size_t index) const { return cells_[index]; }

 private:
  static constexpr std::size_t index(Enums... values) {
    std::size_t at = 0;
    ((at = at * kValuesOf<Enums> + static_cast<std::size_t>(values)), ...);
    return at;
  }

  std::array<Cell, kSize> cells_{};
};

template <typename... Enums>
using Counters = Grid<Counter, Enums...>;
template <typename... Enums>
using Gauges = Grid<Gauge, Enums...>;
template <typename... Enums>
using Histograms = Grid<Histogram, Enums...>;

}  // namespace sluice::metrics
