#pragma once

// One row for each metric: the exporter and docs/metrics.md are both made from it.

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/metric_family.h>

#include "metrics/instruments.hpp"
#include "metrics/process.hpp"

namespace sluice::metrics {

// All workers' sets for one pool, listener, route or entry of a chain. The names are the values of
// a row's first labels. None of them moves, or goes, while `keeps` is held.
template <typename Set>
struct Named {
  std::shared_ptr<const void> keeps;
  const std::vector<std::string>* names = nullptr;
  std::vector<const Set*> sets;
};

struct NamedSample {
  std::string pool;
  PoolSample sample;
};

// A file with a certificate, and when that ends, in seconds since the epoch.
struct Certificate {
  std::string file;
  double not_after = 0;
};

// When a schedule comes next, in seconds since the epoch; empty: not within decades.
struct NextRun {
  std::string pool;
  std::string action;
  std::optional<double> at;
};

// All schedules of one pool and action.
struct ScheduleCounts {
  std::string pool;
  std::string action;
  std::array<std::uint64_t, kValuesOf<Outcome>> runs{};
  std::optional<double> next_run = std::nullopt;
};

// What a scrape looks at.
struct View {
  std::vector<const WorkerInstruments*> workers;
  std::vector<Named<PoolInstruments>> pools;
  std::vector<Named<ListenerInstruments>> listeners;
  std::vector<Named<RouteInstruments>> routes;
  std::vector<Named<MiddlewareInstruments>> middleware;
  std::vector<NamedSample> samples;  // one for each pool
  ProcessSample process;
  std::string version;
  std::string io;
  std::chrono::nanoseconds now{0};  // of the steady clock
  std::int64_t max_client_connections = 0;
  bool draining = false;
  bool reload_successful = true;
  std::array<std::uint64_t, kValuesOf<Outcome>> reloads{};
  double reloaded_at = 0;  // seconds since the epoch
  std::vector<Certificate> certificates{};
  std::vector<ScheduleCounts> schedules{};
  std::uint64_t log_dropped = 0;
  std::uint64_t log_suppressed = 0;
};

// Pools, listeners, routes, entries of chains: of each no more than so many names.
inline constexpr std::size_t kMaxNames = 1000;

struct Row {
  std::string_view name;
  std::string_view help;
  prometheus::MetricType type;
  std::vector<std::string_view> labels;
  void (*collect)(const View& view, const Row& row, prometheus::MetricFamily& family);
};

std::span<const Row> rows();
// docs/metrics.md.
std::string document();

}  // namespace sluice::metrics
