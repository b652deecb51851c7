#pragma once

// One backend connection. Its reader coroutine lives as long as the connection: it hands what
// arrives to the session that holds the backend, to the chore that runs on it, or, while it is
// idle, to the link, so that a dead or noisy backend is gone before it is picked.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "metrics/log.hpp"
#include "pool/pool.hpp"
#include "protocol/conversation.hpp"
#include "proxy/address_book.hpp"
#include "proxy/backend_pool.hpp"
#include "proxy/stream.hpp"
#include "proxy/task.hpp"

namespace sluice::proxy {

class Backend;
class Worker;

// Whoever has been lent a backend. Called by the backend's reader, on the thread of both.
class Holder {
 public:
  virtual ~Holder() = default;
  // True: everything that follows from the chunk is done. False: finish_delivery() is to be
  // awaited.
  virtual bool deliver(Backend& backend, Chunk& chunk) = 0;
  virtual Task<void> finish_delivery(Backend& backend, Chunk& chunk) = 0;
  // The connection ended while it was held; the holder lets go of it.
  virtual Task<void> backend_gone(Backend& backend, protocol::Failure failure) = 0;
  // The id of the session; 0: it is none.
  virtual std::uint32_t session_id() const { return 0; }
};

class Backend final : public pool::Member, public std::enable_shared_from_this<Backend> {
 public:
  Backend(Worker& where, BackendPoolPtr pool, std::unique_ptr<Stream> stream,
          std::unique_ptr<protocol::Link> link, const Endpoint& at);

  // Starts the reader, which keeps the backend alive until the connection ends.
  void start();
  // The pool has it from now on: it is counted as opened, and later as closed.
  void joined_pool();

  // Of this process; counts up from 1.
  std::uint64_t id() const { return id_; }
  TimePoint connected_at() const { return connected_at_; }
  // Since when it is lent, in the pool, or on an errand, as it is now.
  TimePoint changed_at() const { return changed_at_; }
  // The pool has it and nobody else. Another thread may be about to take it.
  bool idle() const { return entrusted_.load(std::memory_order_relaxed); }

  Worker& home() { return *home_; }
  Stream& stream() { return *stream_; }
  protocol::Link& link() { return *link_; }
  BackendPool& pool() { return *pool_; }
  // Where it is connected to: a cancel request must go to the same server.
  const Endpoint& endpoint() const { return endpoint_; }
  const std::string& address() const { return address_; }
  // What every line of the log says of it.
  metrics::log::About about() const;
  // Not to be lent any more: it has ended, or is about to.
  bool dead() const { return dead_; }
  // The server has closed it, or was given up on: it no longer counts there.
  bool ended() const { return ended_; }
  // Nothing has arrived that has not been looked at: only then may it be lent.
  bool quiet() const { return !dead_ && stream_->parked(); }

  // While the pool has it, a reference of its own keeps it alive, since its reader may end at any
  // time. entrust() before pool::Pool::release(), reclaim() when the pool has given it up: the one
  // place where a pool::Member becomes a Backend again.
  void entrust();
  // On its worker's thread: it is in the pool now, or on an errand.
  void note_change();
  static std::shared_ptr<Backend> reclaim(pool::Member& member) {
    auto& backend = static_cast<Backend&>(member);
    backend.entrusted_.store(false, std::memory_order_relaxed);
    return std::move(backend.custody_);
  }

  // Lent and given back, on its worker's thread.
  void lend(std::shared_ptr<Holder> holder);
  void take_back();
  Holder* holder() const { return holder_.get(); }

  // Runs a chore on a backend that nobody holds. False: it failed or took too long; close it.
  Task<bool> run_chore(protocol::Chore chore, TimePoint deadline);

  // Says goodbye. `on_end` is called once, on this worker's thread, when the server has closed the
  // connection, at the latest after a second; at once if it has already. Counted by the reason
  // once.
  void close(pool::CloseReason reason, std::function<void()> on_end);
  // Sends no more, and leaves it to the server to close; broken off after a second. Idempotent.
  void hang_up();

  // Moves an idle backend here, from whichever worker has it: co_await it on `to`'s thread.
  // False: it died on the way.
  Task<bool> move_to(Worker& to);

  // Cancel requests that are on their way to the server for what ran here: until they have arrived,
  // nobody else may get this backend.
  int cancels = 0;
  bool cancel_sent = false;  // since it was lent: a ping must show that none is still to hit
  Signal cancels_done;
  PoolSettingsPtr opened_with;  // a cancel logs in likewise

  TimePoint lent_at{};

 private:
  void leave(Worker& to, Signal& arrived);
  Task<void> live();
  Task<void> read_loop();
  void idle_bytes(protocol::Bytes bytes);
  void end_chore(protocol::ChoreState state);
  Task<void> tell_holder();
  void ended_unasked();
  void tell_pool();
  void count_prepared(std::size_t statements);

  Worker* home_;
  const std::uint64_t id_;
  const TimePoint connected_at_;
  TimePoint changed_at_;
  std::atomic<bool> entrusted_{false};
  BackendPoolPtr pool_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<protocol::Link> link_;
  std::shared_ptr<Holder> holder_;
  std::shared_ptr<Backend> custody_;
  const Endpoint endpoint_;
  const std::string address_;  // the same as text
  bool dead_ = false;
  bool ended_ = false;
  bool counted_ = false;  // as opened, and not yet as closed
  metrics::Stake prepared_;
  std::function<void()> on_end_;
  std::optional<Timer> close_limit_;
  std::optional<protocol::Failure> last_words_;  // why the server or we ended it, if known
  // Of the running chore.
  bool chore_running_ = false;
  protocol::ChoreState chore_state_ = protocol::ChoreState::done;
  Signal chore_done_;
};

using BackendPtr = std::shared_ptr<Backend>;

}  // namespace sluice::proxy
