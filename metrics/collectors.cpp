#include "metrics/collectors.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <openssl/crypto.h>
#include <boost/version.hpp>

#include "metrics/labels.hpp"

namespace sluice::metrics {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

namespace {

#ifdef __clang__
constexpr const char* kCompiler = __VERSION__;
#else
constexpr const char* kCompiler = "gcc " __VERSION__;
#endif

}  // namespace

void put(MetricFamily& family, double value, std::vector<ClientMetric::Label> labels) {
  ClientMetric metric;
  metric.label = std::move(labels);
  if (family.type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
}

void collect_pool_connections(const View& view, const Row& row, MetricFamily& family) {
  const auto labels = [&](const std::string& pool, const char* state) {
    return std::vector<ClientMetric::Label>{{std::string(row.labels[0]), pool},
                                            {std::string(row.labels[1]), state}};
  };
  for (const auto& [pool, sample] : view.samples) {
    put(family, static_cast<double>(sample.idle), labels(pool, "idle"));
    put(family, static_cast<double>(sample.used), labels(pool, "used"));
    put(family, static_cast<double>(sample.validating), labels(pool, "validating"));
    put(family, static_cast<double>(sample.resetting), labels(pool, "resetting"));
    put(family, static_cast<double>(sample.connecting), labels(pool, "connecting"));
    put(family, static_cast<double>(sample.closing), labels(pool, "closing"));
  }
}

void collect_backend_up(const View& view, const Row&, MetricFamily& family) {
  for (const auto& [pool, sample] : view.samples) {
    if (sample.backend_up) {
      put(family, *sample.backend_up ? 1 : 0, {{"pool", pool}});
    }
  }
}

void collect_build_info(const View& view, const Row&, MetricFamily& family) {
  put(family, 1,
      {{"version", view.version},
       {"compiler", kCompiler},
       {"boost", BOOST_LIB_VERSION},
       {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)}});
}

void collect_workers(const View& view, const Row&, MetricFamily& family) {
  put(family, static_cast<double>(view.workers.size()), {{"io", view.io}});
}

void collect_buffers(const View& view, const Row&, MetricFamily& family) {
  std::int64_t lent = 0;
  std::int64_t kept = 0;
  for (const WorkerInstruments* worker : view.workers) {
    lent += worker->buffer_bytes.value();
    kept += worker->free_buffer_bytes.value();
  }
  put(family, static_cast<double>(lent), {{"state", "lent"}});
  put(family, static_cast<double>(kept), {{"state", "free"}});
}

void collect_heap(const View& view, const Row&, MetricFamily& family) {
  put(family, static_cast<double>(view.process.heap_used), {{"state", "used"}});
  put(family, static_cast<double>(view.process.heap_free), {{"state", "free"}});
}

// The worst of the workers.
double seconds_behind(const View& view) {
  std::chrono::nanoseconds most{0};
  for (const WorkerInstruments* worker : view.workers) {
    if (const std::int64_t due = worker->heartbeat_due.value(); due != 0) {
      most = std::max(most, view.now - std::chrono::nanoseconds(due));
    }
  }
  return std::chrono::duration<double>(most).count();
}

void collect_reloads(const View& view, const Row& row, MetricFamily& family) {
  for (std::size_t at = 0; at < view.reloads.size(); ++at) {
    const auto word = label_of(static_cast<Outcome>(at));
    put(family, static_cast<double>(view.reloads[at]),
        {{std::string(row.labels[0]), std::string(word)}});
  }
}

void collect_certificates(const View& view, const Row& row, MetricFamily& family) {
  for (const Certificate& one : view.certificates) {
    put(family, one.not_after, {{std::string(row.labels[0]), one.file}});
  }
}

void collect_schedule_runs(const View& view, const Row& row, MetricFamily& family) {
  for (const ScheduleCounts& one : view.schedules) {
    for (std::size_t at = 0; at < one.runs.size(); ++at) {
      const auto word = label_of(static_cast<Outcome>(at));
      put(family, static_cast<double>(one.runs[at]),
          {{std::string(row.labels[0]), one.pool},
           {std::string(row.labels[1]), one.action},
           {std::string(row.labels[2]), std::string(word)}});
    }
  }
}

void collect_schedule_next_runs(const View& view, const Row& row, MetricFamily& family) {
  for (const ScheduleCounts& one : view.schedules) {
    if (one.next_run) {
      put(family, *one.next_run,
          {{std::string(row.labels[0]), one.pool}, {std::string(row.labels[1]), one.action}});
    }
  }
}

}  // namespace sluice::metrics
