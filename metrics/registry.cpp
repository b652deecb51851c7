#include "metrics/registry.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "metrics/log.hpp"
#include "metrics/text.hpp"

namespace sluice::metrics {
namespace {

double now_in_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

void add_up(PoolSample& sum, const PoolSample& one) {
  sum.idle += one.idle;
  sum.used += one.used;
  sum.validating += one.validating;
  sum.resetting += one.resetting;
  sum.connecting += one.connecting;
  sum.closing += one.closing;
  sum.failures = std::max(sum.failures, one.failures);
  sum.size += one.size;
  sum.min_idle += one.min_idle;
  const bool unbounded = sum.overflow_max < 0 || one.overflow_max < 0;
  sum.overflow_max = unbounded ? -1 : sum.overflow_max + one.overflow_max;
  sum.pending += one.pending;
  sum.oldest_wait = std::max(sum.oldest_wait, one.oldest_wait);
  if (one.backend_up) {
    sum.backend_up = sum.backend_up.value_or(true) && *one.backend_up;
  }
  sum.paused = sum.paused || one.paused;
  sum.disabled = sum.disabled || one.disabled;
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

template <typename Set>
typename Registry::Kind<Set>::One& Registry::Kind<Set>::of(std::vector<std::string> names) {
  auto found = by_names.find(names);
  if (found == by_names.end() && all.size() >= kMaxNames) {
    names.assign(names.size(), "other");
    found = by_names.find(names);
  }
  if (found == by_names.end()) {
    One& one = *all.emplace_back(std::make_shared<One>());
    one.names = names;
    found = by_names.emplace(std::move(names), &one).first;
  }
  return *found->second;
}

template <typename Set>
void Registry::Kind<Set>::forget(const One& one) {
  by_names.erase(one.names);
  std::erase_if(all, [&](const auto& each) { return each.get() == &one; });
}

template <typename Set>
std::vector<Named<Set>> Registry::Kind<Set>::look() const {
  std::vector<Named<Set>> seen;
  seen.reserve(all.size());
  for (const std::shared_ptr<One>& one : all) {
    auto& named = seen.emplace_back();
    named.keeps = one;
    named.names = &one->names;
    named.sets.reserve(one->sets.size());
    for (const Set& set : one->sets) {
      named.sets.push_back(&set);
    }
  }
  return seen;
}

WorkerInstruments& Registry::add_worker() {
  const std::lock_guard lock(mutex_);
  return workers_.emplace_back();
}

template <typename Set>
Set& Registry::add(Kind<Set>& kind, std::vector<std::string> names) {
  const std::lock_guard lock(mutex_);
  auto& one = kind.of(std::move(names));
  ++one.lent;
  return one.sets.emplace_back();
}

template <typename Set>
std::shared_ptr<Set> Registry::lend(Kind<Set>& kind, std::vector<std::string> names) {
  const std::lock_guard lock(mutex_);
  auto& one = kind.of(std::move(names));
  if (one.free.empty()) {
    one.free.push_back(&one.sets.emplace_back());
  }
  Set* set = one.free.back();
  const auto give_back = [this, &kind, &one](Set* lent) {
    const std::lock_guard again(mutex_);
    one.free.push_back(lent);
    if (--one.lent == 0) {
      kind.forget(one);
    }
  };
  one.free.pop_back();
  ++one.lent;
  return std::shared_ptr<Set>(set, give_back);
}

PoolInstruments& Registry::add_pool(const std::string& pool) {
  return add(pools_, {pool});
}

ListenerInstruments& Registry::add_listener(const std::string& listener) {
  return add(listeners_, {listener});
}

RouteInstruments& Registry::add_route(const std::string& route) {
  return add(routes_, {route});
}

MiddlewareInstruments& Registry::add_middleware(const std::string& route,
                                                const std::string& middleware) {
  return add(middleware_, {route, middleware});
}

std::shared_ptr<PoolInstruments> Registry::lend_pool(const std::string& pool) {
  return lend(pools_, {pool});
}

std::shared_ptr<ListenerInstruments> Registry::lend_listener(const std::string& listener) {
  return lend(listeners_, {listener});
}

std::shared_ptr<RouteInstruments> Registry::lend_route(const std::string& route) {
  return lend(routes_, {route});
}

std::shared_ptr<MiddlewareInstruments> Registry::lend_middleware(const std::string& route,
                                                                 const std::string& middleware) {
  return lend(middleware_, {route, middleware});
}

void Registry::note_reload(Outcome outcome) {
  const std::lock_guard lock(mutex_);
  ++reloads_.at(static_cast<std::size_t>(outcome));
  reload_ok_ = outcome == Outcome::ok;
  if (reload_ok_) {
    reloaded_at_ = now_in_seconds();
  }
}

void Registry::note_start() {
  const std::lock_guard lock(mutex_);
  reloaded_at_ = now_in_seconds();
}

void Registry::set_certificates(std::vector<Certificate> certificates) {
  const std::lock_guard lock(mutex_);
  certificates_ = std::move(certificates);
}

void Registry::set_schedules(const std::vector<NextRun>& schedules) {
  const std::lock_guard lock(mutex_);
  const auto former = std::exchange(schedules_, {});
  const auto find = [](auto& all, const NextRun& one) {
    return std::find_if(all.begin(), all.end(), [&one](const ScheduleCounts& other) {
      return other.pool == one.pool && other.action == one.action;
    });
  };
  for (const NextRun& one : schedules) {
    auto known = find(schedules_, one);
    if (known == schedules_.end()) {
      const auto old = find(former, one);
      known = schedules_.insert(known,
                                old == former.end() ? ScheduleCounts{one.pool, one.action} : *old);
      known->next_run = one.at;
    } else if (one.at) {
      known->next_run = std::min(known->next_run.value_or(*one.at), *one.at);
    }
  }
}

void Registry::note_schedule(const std::string& pool, const std::string& action, Outcome outcome) {
  const std::lock_guard lock(mutex_);
  for (ScheduleCounts& one : schedules_) {
    if (one.pool == pool && one.action == action) {
      ++one.runs.at(static_cast<std::size_t>(outcome));
    }
  }
}

void Registry::sample_pool(const std::string& pool, Sampler sampler) {
  const std::lock_guard lock(mutex_);
  const bool room = pools_.all.size() < kMaxNames || pools_.by_names.contains({pool});
  samplers_.push_back({room ? pool : "other", std::move(sampler)});
}

std::vector<NamedSample> Registry::take_samples() const {
  std::vector<PoolSampler> called;
  {
    const std::lock_guard lock(mutex_);
    called.swap(samplers_);
  }
  std::vector<NamedSample> samples;
  std::map<std::string, std::size_t> places;
  std::erase_if(called, [&](const PoolSampler& one) {
    const std::optional<PoolSample> sample = one.sampler();
    if (!sample) {
      return true;
    }
    const auto [place, first] = places.emplace(one.pool, samples.size());
    if (first) {
      samples.push_back({one.pool, *sample});
    } else {
      add_up(samples[place->second].sample, *sample);
    }
    return false;
  });
  const std::lock_guard lock(mutex_);  // what was added meanwhile comes after
  called.insert(called.end(), std::make_move_iterator(samplers_.begin()),
                std::make_move_iterator(samplers_.end()));
  samplers_ = std::move(called);
  return samples;
}

View Registry::look() const {
  View view;
  view.samples = take_samples();
  view.process = sample_process();
  view.version = version_;
  view.io = io_;
  view.now = std::chrono::steady_clock::now().time_since_epoch();
  view.max_client_connections = max_client_connections_.load(std::memory_order_relaxed);
  view.draining = draining_.load(std::memory_order_relaxed);
  view.log_dropped = log::dropped();
  view.log_suppressed = log::suppressed();
  const std::lock_guard lock(mutex_);
  view.reload_successful = reload_ok_;
  view.reloads = reloads_;
  view.reloaded_at = reloaded_at_;
  view.certificates = certificates_;
  view.schedules = schedules_;
  for (const WorkerInstruments& worker : workers_) {
    view.workers.push_back(&worker);
  }
  view.pools = pools_.look();
  view.listeners = listeners_.look();
  view.routes = routes_.look();
  view.middleware = middleware_.look();
  return view;
}

std::vector<prometheus::MetricFamily> Registry::Collect() const {
  const std::lock_guard one_at_a_time(scrape_mutex_);
  const View view = look();
  std::vector<prometheus::MetricFamily> families;
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
  for (const auto& pool : pools_.all) {
    PoolSums& sum = all.emplace_back();
    sum.pool = pool->names.front();
    for (const PoolInstruments& one : pool->sets) {
      add_up(sum, one);
    }
  }
  return all;
}

std::string Registry::render() const {
  return text_of(Collect());
}

}  // namespace sluice::metrics
