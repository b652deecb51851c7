#pragma once

// From a pool slot to a backend that has proven alive, and back.

#include "protocol/conversation.hpp"
#include "proxy/backend.hpp"

namespace sluice::proxy {

class Worker;

// Waits in the pool's queue for as long as pool_timeout, pings, connects: whatever it takes. The
// backend is lent to the caller, who lends it on to a Holder and gives it back by check_in().
// `cancelled`, when set by somebody, ends the wait with FailureKind::cancelled; may be null.
class Checkout {
 public:
  Checkout(Worker& worker, BackendPoolPtr pool, const protocol::Conversation& session);

  // The hot path: an idle backend of this worker that needs no ping. Null when it takes more: then
  // run() goes on from where this stopped, and must be awaited.
  BackendPtr try_now();
  Task<protocol::Result<BackendPtr>> run();
  // Ends the wait in the queue; run() then fails with this.
  void interrupt(protocol::Failure failure);

 private:
  struct Ticket final : pool::Waiter {
    explicit Ticket(Loop& home) : loop(&home), arrived(home) {}
    void deliver(pool::Decision decision) override;
    Loop* loop;
    Signal arrived;
    pool::Decision decision{pool::Queued{}};
    bool delivered = false;
  };

  Task<protocol::Status> wait_in_queue();
  Task<protocol::Result<BackendPtr>> take(pool::Reuse reuse);
  Task<protocol::Result<BackendPtr>> open(pool::Open open);
  Task<bool> answers_ping(Backend& backend);
  protocol::Failure timed_out() const;
  metrics::PoolInstruments& instruments() const;

  Worker& worker_;
  BackendPoolPtr pool_;
  const protocol::Conversation& session_;
  TimePoint asked_at_;
  pool::Ask ask_;
  Ticket ticket_;
  bool waited_ = false;
  std::optional<protocol::Failure> interruption_;
};

// Gives a backend back that its holder has detached from, cleaning it first where needed.
void check_in(BackendPtr backend, protocol::Cleanup cleanup);
// Closes a lent backend instead of giving it back.
void discard(const BackendPtr& backend, pool::CloseReason reason);
// Closes a backend that the pool has forgotten, on whichever worker it lives.
void close_elsewhere(BackendPtr backend, pool::CloseReason reason);

}  // namespace sluice::proxy
