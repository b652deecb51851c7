#include "proxy/upkeep.hpp"

#include <algorithm>
#include <utility>

#include "metrics/log.hpp"
#include "proxy/checkout.hpp"
#include "proxy/server.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {
namespace {

// Pools are looked at at least so often: not every call that brings something nearer says so.
constexpr auto kLongest = std::chrono::seconds(1);
// What is due and cannot be done yet must not keep the worker busy.
constexpr auto kShortest = std::chrono::milliseconds(1);
constexpr auto kKeepaliveTimeout = std::chrono::seconds(5);

// A connection that no session has asked for.
Task<void> warm(Worker& worker, BackendPoolPtr pool) {
  LoginOrder order = make_order(worker.server, *pool, nullptr);
  if (auto last = pool->last_order()) {
    // What sessions want, with the credentials as they are now.
    last->target.password = order.target.password;
    last->target.learned = order.target.learned;
    last->settings = order.settings;
    last->era = order.era;
    order = std::move(*last);
  }
  ErrandPtr opening = begin_opening(worker, pool, std::move(order), {});
  while (!opening->finished) {
    co_await opening->over.wait();
  }
  const bool ok = opening->backend != nullptr;
  pool->instruments(worker.index)
      .warmed(ok ? metrics::Outcome::ok : metrics::Outcome::failed)
      .add();
  abandon(opening);
}

Task<void> keep_alive(BackendPtr backend) {
  Worker& worker = backend->home();
  BackendPool& pool = backend->pool();
  const BackendPoolPtr there = pool.shared_from_this();  // whatever a reload does meanwhile
  const metrics::Present pinged(
      pool.instruments(worker.index).tended(metrics::Tending::validating));
  const bool ok =
      co_await backend->run_chore(protocol::Chore::ping, worker.loop.now() + kKeepaliveTimeout);
  pool.instruments(worker.index)
      .keepalives(ok ? metrics::Outcome::ok : metrics::Outcome::failed)
      .add();
  if (ok) {
    put_back(std::move(backend));
    co_return;
  }
  pool.slots.distrust(worker.loop.now());
  metrics::log::write(metrics::log::Level::info, "keepalive_failed", backend->about());
  discard(backend, pool::CloseReason::validation);
}

}  // namespace

void Upkeep::start(Worker& home) {
  home_ = &home;
  timer_ = std::make_unique<Timer>(home.loop);
  started_ = true;
  run();
}

void Upkeep::stop() {
  started_ = false;
  timer_.reset();
}

void Upkeep::hurry(const BackendPool& pool, TimePoint now) {
  const TimePoint when = pool.slots.next_tick(now);
  if (started_ && when.time_since_epoch().count() < armed_for_) {
    home_->loop.call([this, when] {
      if (timer_ != nullptr && when.time_since_epoch().count() < armed_for_) {
        arm(when);
      }
    });
  }
}

void Upkeep::run_soon() {
  if (started_ && !soon_.exchange(true)) {
    home_->loop.call([this] {
      soon_ = false;
      if (timer_ != nullptr) {
        run();
      }
    });
  }
}

void Upkeep::arm(TimePoint when) {
  armed_for_ = when.time_since_epoch().count();
  timer_->arm(when, [this] { run(); });
}

void Upkeep::run() {
  const TimePoint now = home_->loop.now();
  // Who hurries meanwhile compares with what is armed in the end.
  armed_for_ = TimePoint::max().time_since_epoch().count();
  TimePoint next = now + kLongest;
  for (const BackendPoolPtr& pool : server_.pools().all()) {
    look_after(pool, now);
    next = std::min(next, pool->slots.next_tick(now));
  }
  arm(std::max(next, now + kShortest));
}

void Upkeep::look_after(const BackendPoolPtr& pool, TimePoint now) {
  pool::Tick tick = pool->slots.tick(now);
  for (const pool::Tick::Close& close : tick.close) {
    close_slot(Backend::reclaim(*close.member), close.reason);
  }
  for (pool::Member* member : tick.ping) {
    BackendPtr backend = Backend::reclaim(*member);
    Loop& loop = backend->home().loop;
    loop.call([backend = std::move(backend)] {
      spawn(backend->home().server.gate(), keep_alive(backend));
    });
  }
  for (; tick.open > 0; --tick.open) {
    Worker& worker = next_worker();
    worker.loop.call([&worker, pool] { spawn(worker.server.gate(), warm(worker, pool)); });
  }
}

Worker& Upkeep::next_worker() {
  return server_.worker(turn_++ % server_.worker_count());
}

}  // namespace sluice::proxy
