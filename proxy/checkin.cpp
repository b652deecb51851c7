#include <utility>

#include "metrics/log.hpp"
#include "proxy/checkout.hpp"
#include "proxy/server.hpp"
#include "proxy/upkeep.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {
namespace {

using config::ResetOnReturn;
using protocol::Chore;
using protocol::Cleanup;

constexpr auto kChoreTimeout = std::chrono::seconds(5);

// What pool_reset_on_return makes of what the session left behind. Nothing dirty is ever handed on:
// with `none`, a backend with an open transaction or changed state is closed.
Cleanup with_policy(Cleanup left, ResetOnReturn policy) {
  switch (policy) {
    case ResetOnReturn::full:
      return left == Cleanup::close ? left : Cleanup::reset;
    case ResetOnReturn::none:
      return left == Cleanup::none ? left : Cleanup::close;
    default:
      return left;
  }
}

Task<bool> clean(Backend& backend, Cleanup cleanup) {
  Worker& worker = backend.home();
  TimePoint deadline = worker.loop.now() + kChoreTimeout;
  const bool commit = backend.pool().reset_on_return() == ResetOnReturn::commit;
  bool ok = true;
  if (cleanup == Cleanup::rollback) {
    ok = co_await backend.run_chore(commit ? Chore::commit : Chore::rollback, deadline);
  } else if (cleanup == Cleanup::reset) {
    if (commit) {  // a reset alone would roll back what may be open
      ok = co_await backend.run_chore(Chore::commit, deadline);
    }
    if (ok) {
      ok = co_await backend.run_chore(Chore::reset, deadline);
    }
  } else if (cleanup == Cleanup::none) {
    ok = co_await backend.run_chore(Chore::ping, deadline);
  }
  auto outcome = ok ? metrics::Outcome::ok : metrics::Outcome::failed;
  backend.pool().instruments(worker.index).resets(outcome).add();
  co_return ok;
}

Task<void> clean_and_put_back(Backend& lent, Cleanup cleanup) {
  BackendPtr backend = lent.shared_from_this();
  const BackendPoolPtr pool = backend->pool().shared_from_this();
  const metrics::Present tended(
      pool->instruments(backend->home().index).tended(metrics::Tending::resetting));
  // A cancel request that has not reached the server yet must not hit the next holder's query.
  while (backend->cancels > 0) {
    co_await backend->cancels_done.wait();
  }
  backend->cancel_sent = false;
  bool is_clean = co_await clean(*backend, cleanup);
  if (is_clean) {
    put_back(std::move(backend));
  } else {
    metrics::log::write(metrics::log::Level::warning, "backend_reset_failed", backend->about());
    discard(backend, pool::CloseReason::reset_failed);
  }
}

}  // namespace

void check_in(BackendPtr backend, Cleanup cleanup) {
  backend->take_back();
  Worker& worker = backend->home();
  BackendPool& pool = backend->pool();
  pool.instruments(worker.index).use.observe(worker.loop.now() - backend->lent_at);
  cleanup = with_policy(cleanup, pool.reset_on_return());
  if (backend->dead() || cleanup == Cleanup::close) {
    discard(backend, pool::CloseReason::error);
  } else if (cleanup == Cleanup::none && !backend->cancel_sent && backend->cancels == 0) {
    put_back(std::move(backend));
  } else {
    spawn(worker.server.gate(), clean_and_put_back(*backend, cleanup));
  }
}

void put_back(BackendPtr backend) {
  BackendPool& pool = backend->pool();
  const protocol::SettingsPtr& settings = backend->link().settings();
  backend->state_hash = settings ? settings->hash() : 0;
  backend->note_change();
  backend->entrust();
  TimePoint now = backend->home().loop.now();
  pool.slots.proven(*backend, now);
  auto returned = pool.slots.release(*backend, now);
  if (!returned.kept) {
    close_slot(Backend::reclaim(*backend), returned.reason);
  }
}

void discard(const BackendPtr& backend, pool::CloseReason reason) {
  backend->take_back();
  const bool ended = backend->ended();
  backend->pool().slots.forget(*backend, backend->home().loop.now(), ended);
  if (ended) {
    backend->close(reason, {});
  } else {
    close_slot(backend, reason);
  }
}

namespace {

// Its worker may change only while it is lent, and now nobody lends it.
void close_at_home(BackendPtr backend, pool::CloseReason reason, std::function<void()> on_end) {
  Loop& loop = backend->home().loop;
  if (loop.on_this_thread()) {
    backend->close(reason, std::move(on_end));
  } else {
    loop.call([backend = std::move(backend), reason, on_end = std::move(on_end)]() mutable {
      backend->close(reason, std::move(on_end));
    });
  }
}

}  // namespace

void close_slot(BackendPtr backend, pool::CloseReason reason) {
  Worker& home = backend->home();
  BackendPoolPtr pool = backend->pool().shared_from_this();
  close_at_home(std::move(backend), reason, [pool = std::move(pool), &home] {
    pool->slots.closed(home.loop.now());
    if (pool->waits_are_timed()) {  // from now on there is a slot to wait for
      home.server.upkeep().hurry(*pool, home.loop.now());
    }
  });
}

Task<void> end_of(Worker& here, BackendPtr backend, pool::CloseReason reason) {
  Signal ended(here.loop);
  Loop& loop = here.loop;
  close_at_home(std::move(backend), reason,
                [&loop, &ended] { loop.call([&ended] { ended.set(); }); });
  co_await ended.wait();
}

}  // namespace sluice::proxy
