#include <utility>

#include "metrics/log.hpp"
#include "proxy/checkout.hpp"
#include "proxy/server.hpp"
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

void put_back(BackendPtr backend) {
  BackendPool& pool = backend->pool();
  const protocol::SettingsPtr& settings = backend->link().settings();
  backend->state_hash = settings ? settings->hash() : 0;
  backend->entrust();
  TimePoint now = backend->home().loop.now();
  pool.slots.proven(*backend, now);
  auto returned = pool.slots.release(*backend, now);
  if (!returned.kept) {
    Backend::reclaim(*backend)->close(returned.reason);
    pool.slots.closed(now);
  }
}

Task<bool> clean(Backend& backend, Cleanup cleanup) {
  Worker& worker = backend.home();
  TimePoint deadline = worker.loop.now() + kChoreTimeout;
  bool ok = true;
  if (cleanup == Cleanup::rollback) {
    bool commit = backend.pool().config().pool_reset_on_return == ResetOnReturn::commit;
    ok = co_await backend.run_chore(commit ? Chore::commit : Chore::rollback, deadline);
  } else if (cleanup == Cleanup::reset) {
    ok = co_await backend.run_chore(Chore::reset, deadline);
  } else if (cleanup == Cleanup::none) {
    ok = co_await backend.run_chore(Chore::ping, deadline);
  }
  auto outcome = ok ? metrics::Outcome::ok : metrics::Outcome::failed;
  backend.pool().instruments(worker.index).resets(outcome).add();
  co_return ok;
}

Task<void> clean_and_put_back(Backend& lent, Cleanup cleanup) {
  BackendPtr backend = lent.shared_from_this();
  // A cancel request that has not reached the server yet must not hit the next holder's query.
  while (backend->cancels > 0) {
    co_await backend->cancels_done.wait();
  }
  backend->cancel_sent = false;
  bool is_clean = co_await clean(*backend, cleanup);
  if (is_clean) {
    put_back(std::move(backend));
  } else {
    metrics::log::warning("backend_reset_failed", {{"pool", backend->pool().config().name}});
    discard(backend, pool::CloseReason::reset_failed);
  }
}

}  // namespace

void check_in(BackendPtr backend, Cleanup cleanup) {
  backend->take_back();
  Worker& worker = backend->home();
  BackendPool& pool = backend->pool();
  pool.instruments(worker.index).use.observe(worker.loop.now() - backend->lent_at);
  cleanup = with_policy(cleanup, pool.config().pool_reset_on_return);
  if (backend->dead() || cleanup == Cleanup::close) {
    discard(backend, pool::CloseReason::error);
  } else if (cleanup == Cleanup::none && !backend->cancel_sent && backend->cancels == 0) {
    put_back(std::move(backend));
  } else {
    spawn(worker.server.gate(), clean_and_put_back(*backend, cleanup));
  }
}

void discard(const BackendPtr& backend, pool::CloseReason reason) {
  backend->take_back();
  backend->pool().slots.forget(*backend, backend->home().loop.now(), true);
  backend->close(reason);
}

void close_elsewhere(BackendPtr backend, pool::CloseReason reason) {
  // Its worker may change only while it is lent, and now nobody lends it.
  Worker& home = backend->home();
  if (home.loop.on_this_thread()) {
    backend->close(reason);
  } else {
    home.loop.call([backend = std::move(backend), reason] { backend->close(reason); });
  }
}

}  // namespace sluice::proxy
