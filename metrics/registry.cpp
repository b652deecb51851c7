#include "metrics/registry.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

#include <prometheus/text_serializer.h>

#include "metrics/log.hpp"

namespace sluice::metrics {
namespace {

template <typename Set>
Set& add_named(std::deque<Named<Set>>& all, const std::vector<std::string>& names) {
  auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& n) { return n.names == names; });
  if (found == all.end()) {
    all.emplace_back().names = names;
    found = std::prev(all.end());
  }
  return found->sets.emplace_back();
}

void add_up(PoolSample& sum, const PoolSample& one) {
  sum.idle += one.idle;
  sum.used += one.used;
  sum.connecting += one.connecting;
  sum.size += one.size;
  const bool unbounded = sum.overflow_max < 0 || one.overflow_max < 0;
  sum.overflow_max = unbounded ? -1 : sum.overflow_max + one.overflow_max;
  sum.pending += one.pending;
  sum.oldest_wait = std::max(sum.oldest_wait, one.oldest_wait);
  if (one.backend_up) {
    sum.backend_up = sum.backend_up.value_or(true) && *one.backend_up;
  }
}

void add_up(PoolSums& sum, const PoolInstruments& one) {
  sum.transactions += one.transactions.value();
  sum.query_errors += one.queries(QueryResult::error).value();
  sum.queries += one.queries(QueryResult::ok).value() + one.queries(QueryResult::error).value();
  sum.bytes_received += one.client_bytes(Direction::received).value();
  sum.bytes_sent += one.client_bytes(Direction::sent).value();
  for (std::size_t result = 0; result < decltype(one.acquires)::kSize; ++result) {
    sum.acquires += one.acquires.cell(result).value();
  }
  sum.connections_opened += one.connections_opened.value();
  using std::chrono::nanoseconds;
  sum.transaction_time += nanoseconds(one.transaction_duration.sum_nanoseconds());
  sum.query_time += nanoseconds(one.query_duration.sum_nanoseconds());
  sum.wait_time += nanoseconds(one.wait.sum_nanoseconds());
}

}  // namespace

WorkerInstruments& Registry::add_worker() {
  const std::lock_guard lock(mutex_);
  return workers_.emplace_back();
}

PoolInstruments& Registry::add_pool(const std::string& pool) {
  const std::lock_guard lock(mutex_);
  return add_named(pools_, {pool});
}

ListenerInstruments& Registry::add_listener(const std::string& listener) {
  const std::lock_guard lock(mutex_);
  return add_named(listeners_, {listener});
}

RouteInstruments& Registry::add_route(const std::string& route) {
  const std::lock_guard lock(mutex_);
  return add_named(routes_, {route});
}

MiddlewareInstruments& Registry::add_middleware(const std::string& route,
                                                const std::string& middleware) {
  const std::lock_guard lock(mutex_);
  return add_named(middleware_, {route, middleware});
}

void Registry::sample_pool(const std::string& pool, Sampler sampler) {
  const std::lock_guard lock(mutex_);
  samplers_.push_back({pool, std::move(sampler)});
}

std::vector<NamedSample> Registry::take_samples() const {
  std::vector<PoolSampler> called;
  {
    const std::lock_guard lock(mutex_);
    called.swap(samplers_);
  }
  std::vector<NamedSample> samples;
  std::erase_if(called, [&](const PoolSampler& one) {
    const std::optional<PoolSample> sample = one.sampler();
    if (!sample) {
      return true;
    }
    const auto same = std::find_if(samples.begin(), samples.end(),
                                   [&](const auto& s) { return s.pool == one.pool; });
    if (same == samples.end()) {
      samples.push_back({one.pool, *sample});
    } else {
      add_up(same->sample, *sample);
    }
    return false;
  });
  const std::lock_guard lock(mutex_);  // what was added meanwhile comes after
  called.insert(called.end(), std::make_move_iterator(samplers_.begin()),
                std::make_move_iterator(samplers_.end()));
  samplers_ = std::move(called);
  return samples;
}

std::vector<prometheus::MetricFamily> Registry::Collect() const {
  const std::lock_guard one_at_a_time(scrape_mutex_);
  View view{workers_,    pools_,         listeners_,       routes_,
            middleware_, take_samples(), sample_process(), version_};
  view.draining = draining_.load(std::memory_order_relaxed);
  view.reload_successful = reload_ok_.load(std::memory_order_relaxed);
  view.log_dropped = log::dropped();
  view.log_suppressed = log::suppressed();

  std::vector<prometheus::MetricFamily> families;
  const std::lock_guard lock(mutex_);
  for (const Row& row : rows()) {
    prometheus::MetricFamily family{std::string(row.name), std::string(row.help), row.type, {}};
    row.collect(view, row, family);
    if (!family.metric.empty()) {
      families.push_back(std::move(family));
    }
  }
  return families;
}

std::vector<PoolSums> Registry::pool_sums() const {
  const std::lock_guard lock(mutex_);
  std::vector<PoolSums> all;
  for (const auto& pool : pools_) {
    PoolSums& sum = all.emplace_back();
    sum.pool = pool.names.front();
    for (const PoolInstruments& one : pool.sets) {
      add_up(sum, one);
    }
  }
  return all;
}

std::string Registry::render() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, Collect());
  return std::move(out).str();
}

}  // namespace sluice::metrics
