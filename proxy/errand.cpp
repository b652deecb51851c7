#include "proxy/errand.hpp"

#include <algorithm>
#include <utility>

#include "metrics/log.hpp"
#include "proxy/checkout.hpp"
#include "proxy/connect_failure.hpp"
#include "proxy/server.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {
namespace {

using protocol::FailureKind;

constexpr auto kPingTimeout = std::chrono::seconds(2);

// Brings an errand to its end exactly once, also when an exception does.
class Settler {
 public:
  Settler(ErrandPtr errand, void (*unasked)(Errand&)) : errand_(std::move(errand)) {
    errand_->unasked = unasked;
  }
  ~Settler() { settle(); }
  Settler(const Settler&) = delete;
  Settler& operator=(const Settler&) = delete;

  void settle() {
    if (std::exchange(settled_, true)) {
      return;
    }
    Errand& errand = *errand_;
    if (errand.backend == nullptr && !errand.failure) {
      errand.failure = protocol::fail(FailureKind::internal, "no backend connection was opened");
    }
    errand.finished = true;
    if (errand.abandoned) {
      errand.unasked(errand);
    } else {
      errand.over.set();
    }
  }

 private:
  ErrandPtr errand_;
  bool settled_ = false;
};

void give_opened_to_pool(Errand& errand) {
  if (errand.backend != nullptr) {
    put_back(std::move(errand.backend));
  } else {
    errand.pool->slots.open_failed(errand.worker.loop.now(), to_open_failure(*errand.failure));
  }
}

void give_proven_to_pool(Errand& errand) {
  if (errand.failure) {
    discard(std::exchange(errand.backend, nullptr), pool::CloseReason::validation);
  } else {
    put_back(std::move(errand.backend));
  }
}

Task<void> open(ErrandPtr errand, LoginOrder order, pool::Open decision) {
  Settler settler(errand, &give_opened_to_pool);
  Worker& worker = errand->worker;
  if (decision.evict != nullptr) {
    co_await end_of(worker, Backend::reclaim(*decision.evict), decision.reason);
  }
  if (errand->abandoned) {
    errand->failure = protocol::fail(FailureKind::cancelled, "nobody waits for it any more");
    co_return;
  }
  auto opened = co_await open_backend(worker, errand->pool, std::move(order));
  if (opened) {
    // Should it have died since: whoever uses it finds out.
    errand->pool->slots.opened(**opened, worker.loop.now());
    (*opened)->joined_pool();
    errand->backend = std::move(*opened);
  } else {
    errand->failure = std::move(opened.failure());
  }
  if (errand->failure) {
    errand->pool->instruments(worker.index).backend_errors(errand->failure->kind).add();
    metrics::log::failed("backend_connect_failed", *errand->failure, errand->pool->about());
  }
  settler.settle();
}

Task<void> prove(ErrandPtr errand) {
  Settler settler(errand, &give_proven_to_pool);
  errand->failure = protocol::fail(FailureKind::backend_lost, "a ping was not answered");
  BackendPool& pool = *errand->pool;
  const metrics::Present pinged(
      pool.instruments(errand->worker.index).tended(metrics::Tending::validating));
  Loop& loop = errand->worker.loop;
  const TimePoint deadline =
      loop.now() + std::min<Duration>(kPingTimeout, pool.config()->connect_timeout);
  const bool ok = co_await errand->backend->run_chore(protocol::Chore::ping, deadline);
  pool.instruments(errand->worker.index)
      .pings(ok ? metrics::Outcome::ok : metrics::Outcome::failed)
      .add();
  if (ok) {
    errand->failure.reset();
    pool.slots.proven(*errand->backend, loop.now());
  } else {
    pool.slots.distrust(loop.now());
    metrics::log::write(metrics::log::Level::info, "ping_failed", errand->backend->about());
  }
  settler.settle();
}

}  // namespace

Errand::Errand(Worker& where, BackendPoolPtr of)
    : worker(where), pool(std::move(of)), over(where.loop) {}

pool::OpenFailure to_open_failure(const protocol::Failure& failure) {
  if (failure.kind == FailureKind::cancelled || failure.kind == FailureKind::internal) {
    return pool::OpenFailure::given_up;
  }
  return is_permanent(failure) ? pool::OpenFailure::permanent : pool::OpenFailure::transient;
}

ErrandPtr begin_opening(Worker& worker, BackendPoolPtr pool, LoginOrder order, pool::Open open_) {
  auto errand = std::make_shared<Errand>(worker, std::move(pool));
  spawn(worker.server.gate(), open(errand, std::move(order), open_));
  return errand;
}

ErrandPtr begin_proving(Worker& worker, BackendPtr backend) {
  BackendPool& pool = backend->pool();
  auto errand = std::make_shared<Errand>(worker, pool.shared_from_this());
  errand->backend = std::move(backend);
  spawn(worker.server.gate(), prove(errand));
  return errand;
}

void abandon(const ErrandPtr& errand) {
  errand->abandoned = true;
  if (errand->finished) {
    errand->unasked(*errand);
  }
}

}  // namespace sluice::proxy
