#pragma once

// How a row of the table gets its numbers: from a member of one of the instrument sets, summed over
// the workers, or from a function of the whole view. Included by table.cpp alone.

#include <array>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <prometheus/client_metric.h>

#include "metrics/labels.hpp"
#include "metrics/table.hpp"

namespace sluice::metrics {

// ---- Sums over the workers.

struct CounterSum {
  std::uint64_t value = 0;
  void add(const Counter& cell) { value += cell.value(); }
  bool zero() const { return value == 0; }
  void put(prometheus::ClientMetric& metric) const {
    metric.counter.value = static_cast<double>(value);
  }
};

struct GaugeSum {
  std::int64_t value = 0;
  void add(const Gauge& cell) { value += cell.value(); }
  bool zero() const { return value == 0; }
  void put(prometheus::ClientMetric& metric) const {
    metric.gauge.value = static_cast<double>(value);
  }
};

// The count is the sum of the buckets as they were read, so that the two always agree.
struct HistogramSum {
  std::array<std::uint64_t, Histogram::kBuckets> buckets{};
  std::uint64_t nanoseconds = 0;

  void add(const Histogram& cell) {
    for (std::size_t at = 0; at < buckets.size(); ++at) {
      buckets[at] += cell.bucket(at);
    }
    nanoseconds += cell.sum_nanoseconds();
  }
  bool zero() const { return nanoseconds == 0; }
  void put(prometheus::ClientMetric& metric) const {
    auto& out = metric.histogram;
    for (std::size_t at = 0; at < kBounds.size(); ++at) {
      out.sample_count += buckets[at];
      out.bucket.push_back({out.sample_count, static_cast<double>(kBounds[at]) / 1e9});
    }
    out.sample_count += buckets.back();
    out.sample_sum = static_cast<double>(nanoseconds) / 1e9;
  }
};

template <typename Cell>
struct SumOf;
template <>
struct SumOf<Counter> : std::type_identity<CounterSum> {
  static constexpr auto kType = prometheus::MetricType::Counter;
};
template <>
struct SumOf<Gauge> : std::type_identity<GaugeSum> {
  static constexpr auto kType = prometheus::MetricType::Gauge;
};
template <>
struct SumOf<Histogram> : std::type_identity<HistogramSum> {
  static constexpr auto kType = prometheus::MetricType::Histogram;
};

// ---- Cells of a member: a single one counts as a grid of one without labels.

template <typename CellType>
struct GridOf {
  using Cell = CellType;
  static constexpr std::size_t kSize = 1;
  static const Cell& cell(const Cell& member, std::size_t /*index*/) { return member; }
  static std::vector<std::string_view> labels(std::size_t /*index*/) { return {}; }
};

template <typename CellType, typename... Enums>
struct GridOf<Grid<CellType, Enums...>> {
  using Cell = CellType;
  static constexpr std::size_t kSize = Grid<CellType, Enums...>::kSize;
  static const Cell& cell(const Grid<CellType, Enums...>& member, std::size_t index) {
    return member.cell(index);
  }
  static std::vector<std::string_view> labels(std::size_t index) {
    std::size_t below = kSize;  // cells that share the values of the labels so far
    std::vector<std::string_view> words;
    const auto next = [&]<typename E>(std::type_identity<E>) {
      below /= kValuesOf<E>;
      words.push_back(label_of(static_cast<E>(index / below % kValuesOf<E>)));
    };
    (next(std::type_identity<Enums>{}), ...);
    return words;
  }
};

// ---- Rows.

template <typename Set, typename Member>
Set set_type(Member Set::*);
template <typename Set, typename Member>
Member member_type(Member Set::*);

template <typename Set>
const auto& named_sets(const View& view) {
  if constexpr (std::is_same_v<Set, PoolInstruments>) {
    return view.pools;
  } else if constexpr (std::is_same_v<Set, ListenerInstruments>) {
    return view.listeners;
  } else if constexpr (std::is_same_v<Set, RouteInstruments>) {
    return view.routes;
  } else {
    static_assert(std::is_same_v<Set, MiddlewareInstruments>);
    return view.middleware;
  }
}

// Calls `each(names, sets)` for every pool, listener and so on; the workers' own sets have no name.
template <typename Set, typename Each>
void for_each_source(const View& view, Each each) {
  if constexpr (std::is_same_v<Set, WorkerInstruments>) {
    each(std::vector<std::string>(), view.workers);
  } else {
    for (const auto& source : named_sets<Set>(view)) {
      each(*source.names, source.sets);
    }
  }
}

// Which cells of a grid are shown before they have counted anything: a bit for each. A label with
// many values of which few can happen would otherwise bury the scrape in zeros.
inline constexpr std::uint64_t kAll = ~std::uint64_t{0};
inline constexpr std::uint64_t kNone = 0;

template <typename... Values>
constexpr std::uint64_t only(Values... values) {
  return ((std::uint64_t{1} << static_cast<unsigned>(values)) | ...);
}

template <auto Member, std::uint64_t shown>
void collect_member(const View& view, const Row& row, prometheus::MetricFamily& family) {
  using Set = decltype(set_type(Member));
  using Grid = GridOf<decltype(member_type(Member))>;
  using Sum = typename SumOf<typename Grid::Cell>::type;
  for_each_source<Set>(view, [&](const std::vector<std::string>& names, const auto& sets) {
    for (std::size_t index = 0; index < Grid::kSize; ++index) {
      Sum sum;
      for (const Set* set : sets) {
        sum.add(Grid::cell(set->*Member, index));
      }
      if (sum.zero() && shown != kAll && (shown >> index & 1U) == 0) {
        continue;
      }
      prometheus::ClientMetric metric;
      std::size_t label = 0;
      for (const std::string& name : names) {
        metric.label.push_back({std::string(row.labels.at(label++)), name});
      }
      for (const std::string_view word : Grid::labels(index)) {
        metric.label.push_back({std::string(row.labels.at(label++)), std::string(word)});
      }
      sum.put(metric);
      family.metric.push_back(std::move(metric));
    }
  });
}

// A row for one member of an instrument set; the type follows from the member's.
template <auto Member, std::uint64_t shown = kAll>
Row counted(std::string_view name, std::vector<std::string_view> labels, std::string_view help) {
  using Cell = typename GridOf<decltype(member_type(Member))>::Cell;
  return {name, help, SumOf<Cell>::kType, std::move(labels), &collect_member<Member, shown>};
}

}  // namespace sluice::metrics
