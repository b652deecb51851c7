#pragma once

// All instruments of the process, and what a scrape makes of them. Thread-safe; each set is written
// by its worker alone. A set that was lent and given back goes to the next who asks for one of its
// name, with what it has counted; when none of a name is lent any more, the name is gone from the
// scrape. A scrape holds the lock only while it notes which sets there are: a worker that asks for
// one meanwhile waits for microseconds, whatever the scrape takes.
//
// The labels' values come from the configuration. No kind has more than kMaxNames of them at a
// time: what comes after them is counted together, under the name "other".

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
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

  // For as long as the registry lives, a new set each time: call it once for each worker.
  WorkerInstruments& add_worker();
  PoolInstruments& add_pool(const std::string& pool);
  ListenerInstruments& add_listener(const std::string& listener);
  RouteInstruments& add_route(const std::string& route);
  // `route` is "" for the global chain. Entries of one name in one chain are added up.
  MiddlewareInstruments& add_middleware(const std::string& route, const std::string& middleware);

  // Lent until the last reference is gone, which the registry outlives.
  std::shared_ptr<PoolInstruments> lend_pool(const std::string& pool);
  std::shared_ptr<ListenerInstruments> lend_listener(const std::string& listener);
  std::shared_ptr<RouteInstruments> lend_route(const std::string& route);
  std::shared_ptr<MiddlewareInstruments> lend_middleware(const std::string& route,
                                                         const std::string& middleware);

  // Called at each scrape, on the scraping thread: it must be thread-safe and quick. Several of one
  // name (a pool for each user and database) are added up. When it returns nothing its pool is gone
  // and it is never called again.
  using Sampler = std::function<std::optional<PoolSample>()>;
  void sample_pool(const std::string& pool, Sampler sampler);

  std::vector<PoolSums> pool_sums() const;

  // What the workers wait in: epoll | io_uring. Once, before the first scrape.
  void set_io(std::string io) { io_ = std::move(io); }
  void set_max_client_connections(std::size_t most) {
    max_client_connections_.store(static_cast<std::int64_t>(most), std::memory_order_relaxed);
  }
  void set_draining(bool draining) { draining_.store(draining, std::memory_order_relaxed); }
  // A reload has ended, so or so, or (counted as none) the process has started.
  void note_reload(Outcome outcome);
  void note_start();
  // Of the configuration in force.
  void set_certificates(std::vector<Certificate> certificates);
  // Likewise. What is in it still goes on counting; several of one pool and action are one.
  void set_schedules(const std::vector<NextRun>& schedules);
  void note_schedule(const std::string& pool, const std::string& action, Outcome outcome);

  std::vector<prometheus::MetricFamily> Collect() const override;
  // The text format, version 0.0.4.
  std::string render() const;

 private:
  struct PoolSampler {
    std::string pool;
    Sampler sampler;
  };
  // All pools, or listeners, and so on.
  template <typename Set>
  struct Kind {
    struct One {
      std::vector<std::string> names;
      std::deque<Set> sets;
      std::vector<Set*> free;  // of those: lent to nobody now, and still counted
      std::size_t lent = 0;
    };
    One& of(std::vector<std::string> names);
    void forget(const One& one);
    std::vector<Named<Set>> look() const;

    std::vector<std::shared_ptr<One>> all;  // in the order in which they came
    std::map<std::vector<std::string>, One*> by_names;
  };
  View look() const;
  std::vector<NamedSample> take_samples() const;
  template <typename Set>
  Set& add(Kind<Set>& kind, std::vector<std::string> names);
  template <typename Set>
  std::shared_ptr<Set> lend(Kind<Set>& kind, std::vector<std::string> names);

  const std::string version_;
  std::string io_;
  std::atomic<std::int64_t> max_client_connections_{0};
  std::atomic<bool> draining_{false};

  mutable std::mutex mutex_;  // of what follows; not held while a sampler runs
  bool reload_ok_ = true;
  std::array<std::uint64_t, kValuesOf<Outcome>> reloads_{};
  double reloaded_at_ = 0;
  std::vector<Certificate> certificates_;
  std::vector<ScheduleCounts> schedules_;
  std::deque<WorkerInstruments> workers_;
  Kind<PoolInstruments> pools_;
  Kind<ListenerInstruments> listeners_;
  Kind<RouteInstruments> routes_;
  Kind<MiddlewareInstruments> middleware_;

  mutable std::mutex scrape_mutex_;  // one scrape at a time; taken before mutex_
  mutable std::vector<PoolSampler> samplers_;
};

}  // namespace sluice::metrics
