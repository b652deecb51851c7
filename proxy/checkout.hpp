#pragma once

// From a pool slot to a backend that has proven alive, and back.

#include "protocol/conversation.hpp"
#include "proxy/backend.hpp"
#include "proxy/errand.hpp"

namespace sluice::proxy {

class Worker;

// Waits in the pool's queue for as long as pool_timeout, pings, connects: whatever it takes. The
// backend is lent to the caller, who lends it on to a Holder and gives it back by check_in().
class Checkout {
 public:
  Checkout(Worker& worker, BackendPoolPtr pool, const protocol::Conversation& session);
  ~Checkout() {
    if (owes_) {
      give_up();
    }
  }
  Checkout(const Checkout&) = delete;
  Checkout& operator=(const Checkout&) = delete;

  // The hot path: an idle backend of this worker that needs no ping. Null when it takes more: then
  // run() goes on from where this stopped, and must be awaited.
  BackendPtr try_now();
  Task<protocol::Result<BackendPtr>> run();
  // run() fails with this, soon: whether it waits in the queue, for a connection or for a ping.
  // What was begun for it is finished for the pool.
  void interrupt(protocol::Failure failure);
  TimePoint asked_at() const { return asked_at_; }
  // It waits because an operator has paused the pool.
  bool paused() const { return pool_->slots.paused(); }

 private:
  struct Ticket final : pool::Waiter {
    explicit Ticket(Loop& home) : loop(&home), arrived(home) {}
    void deliver(pool::Decision made) override;
    void take(pool::Decision made);
    Loop* loop;
    Signal arrived;
    pool::Decision decision{pool::Queued{}};
    bool delivered = false;
  };
  using Got = protocol::Result<BackendPtr>;

  // One step each: a backend; a failure, which is final; or null, when ticket_.decision says how to
  // go on.
  Task<Got> step();
  Task<Got> wait_in_queue();
  Task<Got> take(pool::Reuse reuse);
  Task<Got> open(pool::Open open);
  Got replace(BackendPtr dead);
  // False: interrupted, and the errand goes on alone.
  Task<bool> finish(ErrandPtr errand);
  template <typename Ask>
  void ask_again(Ask ask);

  // Gives back what the last decision gave: an exception has kept us from acting on it.
  void give_up();

  TimePoint deadline() const;
  protocol::Failure interrupted();
  protocol::Failure timed_out() const;
  protocol::Failure refused() const;
  void count(const Got& got);
  metrics::PoolInstruments& instruments() const;

  Worker& worker_;
  BackendPoolPtr pool_;
  const protocol::Conversation& session_;
  TimePoint asked_at_;
  Duration paused_before_{-1};  // the pool, before this began to wait; negative: it has not yet
  pool::Ask ask_;
  Ticket ticket_;
  ErrandPtr errand_;   // that run() waits for now
  bool owes_ = false;  // ticket_.decision gives something that nobody has taken charge of yet
  bool waited_ = false;
  bool opened_ = false;
  bool timed_out_ = false;
  std::optional<protocol::Failure> open_failure_;  // of the last connection that was tried
  std::optional<protocol::Failure> interruption_;
};

// Gives a backend back that its holder has detached from, cleaning it first where needed.
void check_in(BackendPtr backend, protocol::Cleanup cleanup);
// Gives back a lent backend that is clean and that nobody holds.
void put_back(BackendPtr backend);
// Closes a lent backend instead of giving it back; its slot is free when the server has ended it.
void discard(const BackendPtr& backend, pool::CloseReason reason);
// Closes a backend that the pool says is closing, on whichever worker it lives, and tells the pool
// of its end.
void close_slot(BackendPtr backend, pool::CloseReason reason);
// Closes a backend that no slot of the pool is kept for, on whichever worker it lives, and returns
// when the server has ended it, or was given up on.
Task<void> end_of(Worker& here, BackendPtr backend, pool::CloseReason reason);

}  // namespace sluice::proxy
