#include "proxy/checkout.hpp"

#include <algorithm>
#include <utility>

#include "metrics/log.hpp"
#include "proxy/server.hpp"
#include "proxy/upkeep.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {

using metrics::Acquire;
using protocol::Failure;
using protocol::FailureKind;

namespace {

// How often one who waits in a paused pool looks at what is left of its time: that much later than
// at pool_timeout it may be told, once the pool is resumed.
constexpr auto kPausedPoll = std::chrono::seconds(1);

// The one who asked goes away, however: what runs for it is finished without it.
class Asking {
 public:
  explicit Asking(ErrandPtr errand) : errand_(std::move(errand)) {}
  ~Asking() {
    if (errand_ != nullptr) {
      abandon(errand_);
    }
  }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  void done() { errand_.reset(); }

 private:
  ErrandPtr errand_;
};

// A lent backend that nobody holds yet: discarded unless it is let go.
class Lent {
 public:
  explicit Lent(BackendPtr backend) : backend_(std::move(backend)) {}
  ~Lent() {
    if (backend_ != nullptr) {
      Loop& loop = backend_->home().loop;
      loop.call([backend = std::move(backend_)] { discard(backend, pool::CloseReason::error); });
    }
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  Backend* operator->() const { return backend_.get(); }
  BackendPtr let_go() { return std::move(backend_); }

 private:
  BackendPtr backend_;
};

}  // namespace

void Checkout::Ticket::take(pool::Decision made) {
  decision = made;
  delivered = true;
  arrived.set();
}

void Checkout::Ticket::deliver(pool::Decision made) {
  // Any thread; the ticket's own coroutine may run as soon as the call is posted.
  if (loop->on_this_thread()) {
    take(made);
    return;
  }
  loop->call([this, made] { take(made); });
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
  owes_ = true;
  auto* reuse = std::get_if<pool::Reuse>(&ticket_.decision);
  if (reuse == nullptr || reuse->ping || reuse->member->worker != worker_.index) {
    return nullptr;
  }
  auto& backend = static_cast<Backend&>(*reuse->member);
  if (!backend.quiet()) {
    return nullptr;
  }
  owes_ = false;
  instruments().acquires(Acquire::reused).add();
  instruments().wait.observe(Duration::zero());
  return Backend::reclaim(backend);
}

Task<protocol::Result<BackendPtr>> Checkout::run() {
  Got got = BackendPtr();
  while (got && *got == nullptr) {
    got = co_await step();
  }
  if (got && interruption_) {
    put_back(std::move(*got));
    got = interrupted();
  }
  count(got);
  co_return got;
}

void Checkout::count(const Got& got) {
  instruments().wait.observe(worker_.loop.now() - asked_at_);
  if (!got) {
    instruments().acquires(timed_out_ ? Acquire::timeout : Acquire::failed).add();
  } else {
    instruments()
        .acquires(waited_   ? Acquire::waited
                  : opened_ ? Acquire::opened
                            : Acquire::reused)
        .add();
  }
}

Task<Checkout::Got> Checkout::step() {
  const pool::Decision decision = ticket_.decision;
  if (std::holds_alternative<pool::Queued>(decision)) {
    co_return co_await wait_in_queue();
  }
  if (const auto* reuse = std::get_if<pool::Reuse>(&decision)) {
    co_return co_await take(*reuse);
  }
  if (const auto* opening = std::get_if<pool::Open>(&decision)) {
    co_return co_await open(*opening);
  }
  if (std::holds_alternative<pool::Refused>(decision)) {
    co_return refused();
  }
  if (std::holds_alternative<pool::Down>(decision)) {
    co_return open_failure_ ? std::move(*open_failure_) : pool_->why_down(worker_.loop.now());
  }
  co_return protocol::fail(FailureKind::shutting_down, pool_->removed()
                                                           ? removed_text(pool_->name())
                                                           : "sluice is shutting down");
}

Task<Checkout::Got> Checkout::wait_in_queue() {
  waited_ = true;
  if (pool_->waits_are_timed()) {
    worker_.server.upkeep().hurry(*pool_, worker_.loop.now());
  }
  if (paused_before_ < Duration::zero()) {
    paused_before_ = pool_->slots.paused_for(worker_.loop.now());
  }
  for (TimePoint until = deadline();
       !ticket_.delivered && !interruption_ && worker_.loop.now() < until; until = deadline()) {
    const TimePoint rarely = paused() ? worker_.loop.now() + kPausedPoll : until;
    co_await ticket_.arrived.wait_until(std::max(until, rarely));
  }
  if (!ticket_.delivered && pool_->slots.withdraw(ticket_)) {
    owes_ = false;
    timed_out_ = !interruption_;
    co_return interruption_ ? interrupted() : timed_out();
  }
  while (!ticket_.delivered) {
    co_await ticket_.arrived.wait();  // somebody is handing us a slot at this moment
  }
  co_return BackendPtr();
}

// The end of pool_timeout, which does not run while the pool is paused.
TimePoint Checkout::deadline() const {
  const Duration paused = pool_->slots.paused_for(worker_.loop.now()) - paused_before_;
  return asked_at_ + pool_->config()->pool_timeout + paused;
}

// The pool decides anew; it may tell the ticket before it returns.
template <typename Ask>
void Checkout::ask_again(Ask ask) {
  ticket_.delivered = false;
  ticket_.arrived.clear();
  pool::Decision decision = ask();
  owes_ = true;
  if (!ticket_.delivered) {
    ticket_.decision = decision;
  }
}

void Checkout::interrupt(Failure failure) {
  if (!interruption_) {
    interruption_ = std::move(failure);
    ticket_.arrived.set();
    if (errand_ != nullptr) {
      errand_->over.set();
    }
  }
}

void Checkout::give_up() {
  if (std::holds_alternative<pool::Queued>(ticket_.decision) && pool_->slots.withdraw(ticket_)) {
    return;
  }
  if (const auto* reuse = std::get_if<pool::Reuse>(&ticket_.decision)) {
    Lent lent(Backend::reclaim(*reuse->member));
  } else if (const auto* open = std::get_if<pool::Open>(&ticket_.decision)) {
    if (open->evict == nullptr) {
      pool_->slots.open_failed(worker_.loop.now(), pool::OpenFailure::given_up);
      return;
    }
    // It ends first: then its slot is nobody's.
    worker_.loop.call([pool = pool_, &worker = worker_, open = *open] {
      abandon(begin_opening(worker, pool, make_order(worker.server, *pool, nullptr), open));
    });
  }
}

Failure Checkout::interrupted() {
  return std::move(*interruption_);
}

Failure Checkout::timed_out() const {
  instruments().acquire_timeouts.add();
  const TimePoint now = worker_.loop.now();
  const pool::Snapshot snapshot = pool_->slots.snapshot(now);
  if (snapshot.failures > 0) {
    return pool_->why_down(now);
  }
  const pool::Limits limits = pool_->slots.limits();
  std::string text = "pool " + pool_->description() + " timed out: pool_size " +
                     std::to_string(limits.pool_size) + ", max_overflow " +
                     std::to_string(limits.max_overflow) + ", in use " +
                     std::to_string(snapshot.in_use + snapshot.opening) + ", waiting " +
                     std::to_string(snapshot.waiting) + ", waited " +
                     std::to_string(pool_->config()->pool_timeout.count()) +
                     " ms; raise pool_size or pool_timeout, or end transactions sooner";
  return protocol::fail(FailureKind::pool_timeout, std::move(text));
}

Failure Checkout::refused() const {
  return protocol::fail(FailureKind::pool_queue_full,
                        "pool " + pool_->description() + " has max_waiting (" +
                            std::to_string(pool_->slots.limits().max_waiting) +
                            ") clients waiting for a connection already; try again later, or "
                            "raise pool_size or max_waiting");
}

Task<bool> Checkout::finish(ErrandPtr errand) {
  Asking asking(errand);
  errand_ = errand;
  while (!errand->finished && !interruption_) {
    co_await errand->over.wait();
  }
  errand_.reset();
  if (!errand->finished) {
    co_return false;
  }
  asking.done();
  co_return true;
}

Task<Checkout::Got> Checkout::take(pool::Reuse reuse) {
  Lent lent(Backend::reclaim(*reuse.member));
  owes_ = false;
  bool alive = co_await lent->move_to(worker_);
  while (alive && !lent->quiet()) {
    // Something has come that its reader is about to look at: a goodbye, most likely.
    Signal turn(worker_.loop);
    co_await turn.wait_until(worker_.loop.now());
    alive = !lent->dead();
  }
  if (!alive) {
    co_return replace(lent.let_go());
  }
  if (!reuse.ping) {
    co_return lent.let_go();
  }
  ErrandPtr proof = begin_proving(worker_, lent.let_go());
  const bool finished = co_await finish(proof);
  if (!finished) {
    co_return interrupted();
  }
  if (proof->failure) {
    co_return replace(std::move(proof->backend));
  }
  co_return std::move(proof->backend);
}

// Our place stays ours: nobody who came later gets in between.
Checkout::Got Checkout::replace(BackendPtr dead) {
  const bool ended = &dead->home() == &worker_ && dead->ended();
  ask_again([&] { return pool_->slots.replace(*dead, ticket_, worker_.loop.now(), ended); });
  const auto* open = std::get_if<pool::Open>(&ticket_.decision);
  if (ended) {
    dead->close(pool::CloseReason::validation, {});
  } else if (!ticket_.delivered && open != nullptr && open->evict == dead.get()) {
    dead->entrust();
  } else {
    close_slot(std::move(dead), pool::CloseReason::validation);
  }
  return BackendPtr();
}

Task<Checkout::Got> Checkout::open(pool::Open open) {
  ErrandPtr opening =
      begin_opening(worker_, pool_, make_order(worker_.server, *pool_, &session_), open);
  owes_ = false;
  const bool finished = co_await finish(opening);
  if (!finished) {
    co_return interrupted();
  }
  if (opening->backend != nullptr) {
    opened_ = true;
    co_return std::move(opening->backend);
  }
  const pool::OpenFailure failure = to_open_failure(*opening->failure);
  open_failure_ = std::move(opening->failure);
  ask_again([&] { return pool_->slots.open_again(ticket_, worker_.loop.now(), failure); });
  co_return BackendPtr();
}

}  // namespace sluice::proxy
