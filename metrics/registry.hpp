#pragma once

// All instruments of the process, and what a scrape makes of them. Sets are handed out at start or
// when a pool first appears, and live as long as the registry. Thread-safe; each set is written by
// its worker alone.

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "metrics/instruments.hpp"
#include "metrics/table.hpp"

namespace sluice::metrics {

// What has been counted of one pool since the start, over all workers.
struct PoolSums {
  std::string pool;
  std::uint64_t transactions = 0;
  std::uint64_t queries = 0;  // those that failed among them
  std::uint64_t query_errors = 0;
  std::uint64_t bytes_received = 0;  // from clients
  std::uint64_t bytes_sent = 0;      // to clients
  std::uint64_t acquires = 0;
  std::uint64_t connections_opened = 0;
  std::chrono::nanoseconds transaction_time{0};
  std::chrono::nanoseconds query_time{0};
  std::chrono::nanoseconds wait_time{0};
};

class Registry : public prometheus::Collectable {
 public:
  explicit Registry(std::string version) : version_(std::move(version)) {}
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // A new set each time: call it once for each worker.
  WorkerInstruments& add_worker();
  PoolInstruments& add_pool(const std::string& pool);
  ListenerInstruments& add_listener(const std::string& listener);
  RouteInstruments& add_route(const std::string& route);
  // `route` is "" for the global chain. Entries of one name in one chain are added up.
  MiddlewareInstruments& add_middleware(const std::string& route, const std::string& middleware);

  // Called at each scrape, on the scraping thread: it must be thread-safe and quick. Several of one
  // name (a pool for each user and database) are added up. When it returns nothing its pool is gone
  // and it is never called again.
  using Sampler = std::function<std::optional<PoolSample>()>;
  void sample_pool(const std::string& pool, Sampler sampler);

  std::vector<PoolSums> pool_sums() const;

  void set_draining(bool draining) { draining_.store(draining, std::memory_order_relaxed); }
  void set_reload_successful(bool ok) { reload_ok_.store(ok, std::memory_order_relaxed); }

  std::vector<prometheus::MetricFamily> Collect() const override;
  // The text format, version 0.0.4.
  std::string render() const;

 private:
  struct PoolSampler {
    std::string pool;
    Sampler sampler;
  };
  std::vector<NamedSample> take_samples() const;

  const std::string version_;
  std::atomic<bool> draining_{false};
  std::atomic<bool> reload_ok_{true};

  mutable std::mutex mutex_;  // of the containers; not held while a sampler runs
  std::deque<WorkerInstruments> workers_;
  std::deque<Named<PoolInstruments>> pools_;
  std::deque<Named<ListenerInstruments>> listeners_;
  std::deque<Named<RouteInstruments>> routes_;
  std::deque<Named<MiddlewareInstruments>> middleware_;

  mutable std::mutex scrape_mutex_;  // one scrape at a time; taken before mutex_
  mutable std::vector<PoolSampler> samplers_;
};

}  // namespace sluice::metrics
