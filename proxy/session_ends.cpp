// How a session comes to its end other than by its client's goodbye: drained, killed, cancelled,
// ended by a limit, left by a client that is gone.

#include <algorithm>
#include <chrono>
#include <utility>

#include "metrics/log.hpp"
#include "proxy/cancel.hpp"
#include "proxy/deadlines.hpp"
#include "proxy/server.hpp"
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {

using protocol::Failure;
using protocol::FailureKind;
using std::chrono::milliseconds;

namespace {

// A FIN that comes within this of the client's last bytes belongs to them: a client that will send
// nothing more but reads its answer. One that comes later is a client that has gone. TCP itself
// does not tell a half-closed connection from a closed one before something is sent to it.
constexpr auto kHalfCloseWindow = milliseconds(100);

std::string ms(milliseconds limit) {
  return " (" + std::to_string(limit.count()) + " ms)";
}

}  // namespace

// A request was begun or answered: what `limits:` counts from.
void Session::moved() {
  moved_at_ = worker_.loop.now();
  timed_out_ = false;
}

bool Session::may_close_now() const {
  return serving_ && !conversation_->outstanding() && !conversation_->in_transaction() &&
         conversation_->at_rest() && checkout_ == nullptr && !client_turn_.taken();
}

void Session::drain() {
  draining_ = true;
  if (!last_word_) {
    last_word_ = std::make_unique<Failure>(
        protocol::fail(FailureKind::shutting_down, "sluice is shutting down; connect again"));
  }
  if (pausing_ && !chain_->delayed_in_transaction()) {
    stop_pausing(*last_word_);  // it is answered with this, and then nothing keeps the session
    return;
  }
  if (serving_ && may_close_now()) {
    closing_ = true;
    client_.stop_receiving();
    progress_.set();
  } else if (!serving_ && conversation_ == nullptr) {
    // In the middle of a handshake or a login there is no place for a word of ours.
    closing_ = true;
    client_.abort();
  } else if (checkout_ != nullptr && (!serving_ || checkout_->paused())) {
    checkout_->interrupt(*last_word_);  // serving: it is answered, and then nothing keeps it
  }
}

void Session::send_away(Failure why) {
  if (draining_ || closing_) {
    return;
  }
  listener_.instruments[worker_.index]->sessions_ended(why.kind).add();
  last_word_ = std::make_unique<Failure>(std::move(why));
  drain();
}

void Session::kill(Failure why) {
  if (why.kind == FailureKind::ended_by_operator) {
    listener_.instruments[worker_.index]->sessions_ended(why.kind).add();
  }
  metrics::log::failed("session_killed", why, about());
  end(std::move(why));
}

void Session::end(Failure why) {
  closing_ = true;
  last_word_ = std::make_unique<Failure>(std::move(why));
  if (checkout_ != nullptr) {
    checkout_->interrupt(*last_word_);
  }
  if (serving_ && !client_turn_.taken()) {
    client_.stop_receiving();
  } else {
    client_.abort();
  }
  progress_.set();
  if (backend_ != nullptr && backend_turn_.taken()) {
    backend_->hang_up();
  }
}

// One attempt: a client that does not take so few bytes is not waited for.
void Session::say_goodbye() {
  if (!last_word_ || client_.aborted() || !client_turn_.try_take()) {
    return;
  }
  protocol::Outbox outbox;
  conversation_->farewell(*last_word_, outbox);
  bool sent = outbox.empty() || client_.try_send(outbox) == Stream::Sent::all;
  client_turn_.give();
  if (!sent) {
    client_.abort();
  }
}

void Session::cancel(bool query_only) {
  auto& cancels = worker_.instruments.cancels;
  if (checkout_ != nullptr) {
    checkout_->interrupt(
        protocol::fail(FailureKind::cancelled, "canceling statement due to user request"));
    cancels(metrics::CancelResult::forwarded).add();
  } else if (backend_ != nullptr && conversation_->outstanding()) {
    auto self = shared_from_this();
    std::uint64_t lease = lease_;
    cancels(metrics::CancelResult::forwarded).add();
    spawn(worker_.server.gate(), run_cancel(self, backend_, query_only, [self, lease] {
            return self->backend_ != nullptr && self->lease_ == lease &&
                   self->conversation_->outstanding();
          }));
  } else if (console_ != nullptr && console_->outstanding()) {
    interrupted_ = true;
    progress_.set();
    cancels(metrics::CancelResult::forwarded).add();
  } else if (pausing_) {
    stop_pausing(protocol::fail(FailureKind::cancelled, "canceling statement due to user request"));
    cancels(metrics::CancelResult::forwarded).add();
  } else {
    cancels(metrics::CancelResult::nothing_running).add();
  }
}

// The delayed request is refused.
void Session::stop_pausing(Failure why) {
  chain_->give_up_delayed(std::move(why));
  pausing_ = false;
  progress_.set();
}

void Session::apply_limits() {
  if (!serving_ || closing_ || checkout_ != nullptr || route_ == nullptr) {
    return;
  }
  const SessionClock now = clock();
  apply_limits_of_time(now);
  if (!closing_) {
    apply_middleware(now);
  }
}

SessionClock Session::clock() {
  SessionClock clock;
  clock.id = id_;
  clock.moved_at = moved_at_;
  clock.logged_in_at = logged_in_at_;
  clock.cancelled = timed_out_;
  if (backend_ != nullptr) {
    clock.running = conversation_->outstanding();
    clock.in_transaction = conversation_->in_transaction();
    if (clock.in_transaction && transaction_at_ == TimePoint{}) {
      transaction_at_ = asked_at_;
    }
    clock.transaction_at = transaction_at_;
  }
  if (!clock.running && (client_turn_.taken() || pausing_)) {
    // It is still being answered, and reads slowly, or it is us who let it wait.
    clock.moved_at = worker_.loop.now();
  }
  return clock;
}

// The route's, with the time that middleware gives the request that runs.
config::Limits Session::limits(SessionClock& clock) const {
  config::Limits limits = route_->limits;
  const middleware::Chain::Running running =
      chain_ != nullptr && clock.running ? chain_->running() : middleware::Chain::Running{};
  if (running.timeout > Duration::zero()) {
    const TimePoint since = std::max(clock.moved_at, running.since);
    const bool first = limits.query_timeout.count() == 0 ||
                       since + running.timeout < clock.moved_at + limits.query_timeout;
    if (first) {
      limits.query_timeout = std::chrono::ceil<milliseconds>(running.timeout);
      clock.moved_at = since;
    }
  }
  return limits;
}

void Session::apply_limits_of_time(SessionClock clock) {
  const config::Limits limits = this->limits(clock);
  switch (due(limits, clock, worker_.loop.now())) {
    case Due::nothing:
      return;
    case Due::client_idle:
      return end_by_limit(FailureKind::client_idle_timeout,
                          "disconnected: no request for client_idle_timeout" +
                              ms(limits.client_idle_timeout) + "; connect again");
    case Due::idle_transaction:
      return end_by_limit(FailureKind::idle_transaction_timeout,
                          "disconnected: no request in an open transaction for "
                          "idle_transaction_timeout" +
                              ms(limits.idle_transaction_timeout) +
                              "; the transaction is rolled back");
    case Due::transaction:
      return end_by_limit(FailureKind::transaction_timeout,
                          "disconnected: the transaction has lasted for transaction_timeout" +
                              ms(limits.transaction_timeout) + "; it is rolled back");
    case Due::cancel_query:
      return cancel_overdue_query();
    case Due::query:
      return end_by_limit(FailureKind::query_timeout,
                          "disconnected: query_timeout" + ms(limits.query_timeout) +
                              " cancelled the query, but the server of pool " +
                              lender_->description() + " has not ended it");
    case Due::lifetime:
      return end_by_limit(FailureKind::client_max_lifetime,
                          "disconnected between transactions at client_max_lifetime" +
                              ms(limits.client_max_lifetime) + "; connect again");
  }
}

void Session::apply_middleware(const SessionClock& clock) {
  if (chain_ == nullptr || !chain_->wants().tick) {
    return;
  }
  middleware::Moment moment;
  moment.now = chain_->now();
  moment.in_transaction = clock.in_transaction;
  moment.running = clock.running;
  moment.moved_at = clock.moved_at;
  moment.transaction_at = clock.transaction_at;
  moment.isolation = isolation();
  if (auto ended = chain_->tick(moment)) {
    listener_.instruments[worker_.index]->sessions_ended(ended->why.kind).add();
    metrics::log::failed("session_ended", ended->why, about(), {{"middleware", ended->middleware}});
    end(std::move(ended->why));
  }
}

void Session::end_by_limit(FailureKind limit, std::string text) {
  bool at_next_end = limit == FailureKind::client_max_lifetime;
  if (at_next_end && draining_) {
    return;
  }
  auto why = protocol::fail(limit, std::move(text));
  listener_.instruments[worker_.index]->sessions_ended(limit).add();
  metrics::log::failed("session_ended", why, about());
  if (at_next_end) {
    last_word_ = std::make_unique<Failure>(std::move(why));
    drain();
  } else {
    end(std::move(why));
  }
}

void Session::cancel_overdue_query() {
  timed_out_ = true;
  lender_->instruments(worker_.index).query_timeouts.add();
  metrics::log::write(metrics::log::Level::info, "query_timeout", about());
  cancel_what_runs();
}

// Not what comes after it: another reply has come by then.
void Session::cancel_what_runs() {
  spawn(worker_.server.gate(),
        run_cancel(shared_from_this(), backend_, true,
                   [self = shared_from_this(), lease = lease_, at = moved_at_] {
                     return self->backend_ != nullptr && self->lease_ == lease &&
                            self->moved_at_ == at && self->conversation_->outstanding();
                   }));
}

// The next request waits for it: see cancels_are_over().
Task<void> Session::run_cancel(std::shared_ptr<Session> self, BackendPtr backend, bool query_only,
                               std::function<bool()> still_wanted) {
  co_await cancel_running(self->worker_, std::move(backend), query_only, std::move(still_wanted));
  self->progress_.set();
}

// The client has closed its side, or both. What waits in the queue is given up, unless the FIN came
// along with the request: its statement has not begun and nobody may be there to hear of it.
void Session::peer_closed() {
  left_ = client_.hung_up() || worker_.loop.now() - heard_at_ >= kHalfCloseWindow;
  if (left_ && checkout_ != nullptr) {
    checkout_->interrupt(protocol::fail(
        FailureKind::client_gone,
        "the client closed its side of the connection while its request waited for pool " +
            pool_->description()));
  }
  if (client_.hung_up() && backend_ != nullptr && backend_turn_.taken()) {
    backend_->hang_up();
  }
  progress_.set();
}

// After the client's FIN: one that came along with a request is from a client that still reads.
Task<void> Session::answer_the_rest() {
  while (!closing_ && !left_ && !client_.hung_up() && !client_.aborted() && backend_ != nullptr &&
         ((conversation_->outstanding() && !conversation_->awaits_client()) || delivering_)) {
    co_await progress_.wait();
  }
}

// An exception, which only the lack of memory or a defect can be, costs this session and its
// backend, and nobody else.
void Session::abandon(std::string_view what) {
  metrics::log::write(metrics::log::Level::error, "session_failed", about(), {{"error", what}});
  closing_ = broken_ = true;
  trying_ = false;
  last_word_.reset();
  checkout_ = nullptr;
  client_.abort();
  client_turn_.break_open();
  backend_turn_.break_open();
  progress_.set();
}

}  // namespace sluice::proxy
