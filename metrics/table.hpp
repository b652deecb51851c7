#pragma once

// One row for each metric: the exporter and docs/metrics.md are both made from it.

#include <array>
#include <cstdint>
#include <deque>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/metric_family.h>

#include "metrics/instruments.hpp"
#include "metrics/process.hpp"

namespace sluice::metrics {

// All workers' sets for one pool, listener, route or entry of a chain. The names are the values of
// a row's first labels.
template <typename Set>
struct Named {
  std::vector<std::string> names;
  std::deque<Set> sets;
  std::vector<Set*> free;  // of those: lent to nobody now, and still counted
  std::size_t lent = 0;
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

// What a scrape looks at.
struct View {
  const std::deque<WorkerInstruments>& workers;
  const std::list<Named<PoolInstruments>>& pools;
  const std::list<Named<ListenerInstruments>>& listeners;
  const std::list<Named<RouteInstruments>>& routes;
  const std::list<Named<MiddlewareInstruments>>& middleware;
  std::vector<NamedSample> samples;  // one for each pool
  ProcessSample process;
  std::string version;
  bool draining = false;
  bool reload_successful = true;
  std::array<std::uint64_t, kValuesOf<Outcome>> reloads{};
  double reloaded_at = 0;  // seconds since the epoch
  std::vector<Certificate> certificates{};
  std::uint64_t log_dropped = 0;
  std::uint64_t log_suppressed = 0;
};

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
