#pragma once

// The rows of the table whose numbers are no sum of one member: each function here adds a row's
// metrics to its family, out of the whole view. For table.cpp alone.

#include <vector>

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include "metrics/table.hpp"

namespace sluice::metrics {

// A counter or a gauge, as the family is one.
void put(prometheus::MetricFamily& family, double value,
         std::vector<prometheus::ClientMetric::Label> labels = {});

void collect_pool_connections(const View& view, const Row& row, prometheus::MetricFamily& family);
void collect_backend_up(const View& view, const Row& row, prometheus::MetricFamily& family);
void collect_build_info(const View& view, const Row& row, prometheus::MetricFamily& family);
void collect_workers(const View& view, const Row& row, prometheus::MetricFamily& family);
void collect_buffers(const View& view, const Row& row, prometheus::MetricFamily& family);
void collect_heap(const View& view, const Row& row, prometheus::MetricFamily& family);
void collect_reloads(const View& view, const Row& row, prometheus::MetricFamily& family);
void collect_certificates(const View& view, const Row& row, prometheus::MetricFamily& family);
void collect_schedule_runs(const View& view, const Row& row, prometheus::MetricFamily& family);
void collect_schedule_next_runs(const View& view, const Row& row, prometheus::MetricFamily& family);

// How long the worker that is furthest behind has not come to what was due.
double seconds_behind(const View& view);

}  // namespace sluice::metrics
