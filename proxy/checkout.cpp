#include "proxy/checkout.hpp"

#include <algorithm>
#include <utility>

#include "metrics/log.hpp"
#include "proxy/connect.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {

using metrics::Acquire;
using protocol::Failure;
using protocol::FailureKind;

namespace {

constexpr auto kPingTimeout = std::chrono::seconds(2);

}  // namespace

void Checkout::Ticket::deliver(pool::Decision made) {
  // Any thread; the ticket's own coroutine may run as soon as the call is posted.
  if (loop->on_this_thread()) {
    decision = made;
    delivered = true;
    arrived.set();
    return;
  }
  loop->call([this, made] {
    decision = made;
    delivered = true;
    arrived.set();
  });
}

Checkout::Checkout(Worker& worker, BackendPoolPtr pool, const protocol::Conversation& session)
    : worker_(worker),
      pool_(std::move(pool)),
      session_(session),
      asked_at_(worker.loop.now()),
      ticket_(worker.loop) {
  const protocol::SettingsPtr& settings = session.settings();
  ask_ = {worker.index, session.link_class(), settings ? settings->hash() : 0};
}

metrics::PoolInstruments& Checkout::instruments() const {
  return pool_->instruments(worker_.index);
}

BackendPtr Checkout::try_now() {
  ticket_.decision = pool_->slots.acquire(ticket_, ask_, asked_at_);
  auto* reuse = std::get_if<pool::Reuse>(&ticket_.decision);
  if (reuse == nullptr || reuse->ping || reuse->member->worker != worker_.index) {
    return nullptr;
  }
  auto& backend = static_cast<Backend&>(*reuse->member);
  if (backend.dead()) {
    return nullptr;
  }
  instruments().acquires(Acquire::reused).add();
  instruments().wait.observe(Duration::zero());
  return Backend::reclaim(backend);
}

Task<protocol::Result<BackendPtr>> Checkout::run() {
  if (std::holds_alternative<pool::Queued>(ticket_.decision)) {
    waited_ = true;
    protocol::Status status = co_await wait_in_queue();
    if (!status) {
      auto result =
          status.failure().kind == FailureKind::pool_timeout ? Acquire::timeout : Acquire::failed;
      instruments().acquires(result).add();
      co_return std::move(status.failure());
    }
  }
  protocol::Result<BackendPtr> result =
      protocol::fail(FailureKind::shutting_down, "sluice is shutting down");
  if (auto* reuse = std::get_if<pool::Reuse>(&ticket_.decision)) {
    result = co_await take(*reuse);
  } else if (auto* open_decision = std::get_if<pool::Open>(&ticket_.decision)) {
    result = co_await open(*open_decision);
  }
  instruments().wait.observe(worker_.loop.now() - asked_at_);
  if (!result) {
    instruments().acquires(Acquire::failed).add();
  } else if (waited_) {
    instruments().acquires(Acquire::waited).add();
  }
  co_return result;
}

Task<protocol::Status> Checkout::wait_in_queue() {
  bool told = co_await ticket_.arrived.wait_until(asked_at_ + pool_->config().pool_timeout);
  if (!ticket_.delivered) {
    if (pool_->slots.withdraw(ticket_)) {
      if (interruption_) {
        co_return std::move(*interruption_);
      }
      instruments().acquire_timeouts.add();
      instruments().wait.observe(worker_.loop.now() - asked_at_);
      co_return timed_out();
    }
    // Somebody is handing us a slot at this moment.
    while (!ticket_.delivered) {
      co_await ticket_.arrived.wait();
    }
  }
  static_cast<void>(told);
  co_return protocol::Done{};
}

void Checkout::interrupt(Failure failure) {
  if (ticket_.arrived.waiting()) {
    interruption_ = std::move(failure);
    ticket_.arrived.set();
  }
}

Failure Checkout::timed_out() const {
  pool::Snapshot snapshot = pool_->slots.snapshot(worker_.loop.now());
  const pool::Limits& limits = pool_->slots.limits();
  std::string text = "pool " + pool_->description() + " timed out: pool_size " +
                     std::to_string(limits.pool_size) + ", max_overflow " +
                     std::to_string(limits.max_overflow) + ", in use " +
                     std::to_string(snapshot.in_use + snapshot.opening) + ", waiting " +
                     std::to_string(snapshot.waiting) + ", waited " +
                     std::to_string(pool_->config().pool_timeout.count()) +
                     " ms; raise pool_size or pool_timeout, or end transactions sooner";
  return protocol::fail(FailureKind::pool_timeout, std::move(text));
}

Task<protocol::Result<BackendPtr>> Checkout::take(pool::Reuse reuse) {
  BackendPtr backend = Backend::reclaim(*reuse.member);
  bool alive = co_await backend->move_to(worker_);
  if (alive && reuse.ping) {
    alive = co_await answers_ping(*backend);
  }
  if (alive) {
    instruments().acquires(Acquire::reused).add(waited_ ? 0 : 1);
    co_return backend;
  }
  // Its slot stays ours: nobody who came later gets in between.
  pool_->slots.replace(*backend, ticket_, worker_.loop.now(), true);
  close_elsewhere(std::move(backend), pool::CloseReason::validation);
  co_return co_await open({});
}

Task<bool> Checkout::answers_ping(Backend& backend) {
  TimePoint deadline =
      worker_.loop.now() + std::min<Duration>(kPingTimeout, pool_->config().connect_timeout);
  bool ok = co_await backend.run_chore(protocol::Chore::ping, deadline);
  TimePoint now = worker_.loop.now();
  instruments().pings(ok ? metrics::Outcome::ok : metrics::Outcome::failed).add();
  if (ok) {
    pool_->slots.proven(backend, now);
  } else {
    pool_->slots.distrust(now);
    metrics::log::info("ping_failed", {{"pool", pool_->config().name}});
  }
  co_return ok;
}

Task<protocol::Result<BackendPtr>> Checkout::open(pool::Open open) {
  if (open.evict != nullptr) {
    close_elsewhere(Backend::reclaim(*open.evict), open.reason);
  }
  auto opened = co_await open_backend(worker_, pool_, &session_);
  TimePoint now = worker_.loop.now();
  if (!opened) {
    pool_->slots.open_failed(now, pool::OpenFailure::transient);
    instruments().backend_errors(opened.failure().kind).add();
    metrics::log::failed("backend_connect_failed", opened.failure(),
                         {{"pool", pool_->config().name}});
    co_return opened;
  }
  Backend& backend = **opened;
  backend.fit_class = ask_.fit_class;
  backend.state_hash = 0;
  pool_->slots.opened(backend, now);
  backend.start();
  instruments().connections_opened.add();
  if (backend.dead()) {  // its reader has met the end already, and will not tell a holder
    discard(*opened, pool::CloseReason::error);
    co_return protocol::fail(
        FailureKind::backend_lost,
        "the backend of pool " + pool_->description() + " closed the connection right after login");
  }
  instruments().acquires(Acquire::opened).add(waited_ ? 0 : 1);
  co_return opened;
}

}  // namespace sluice::proxy
