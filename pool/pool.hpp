#pragma once

// One pool for the whole process: exact bounds, FIFO waiting with direct hand-off, LIFO reuse.
// It knows no database and no socket. All decisions are in PoolState (pool_state.hpp), which is
// pure and takes `now`; this shell adds the lock and the delivery to waiters. Thread-safe.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

namespace sluice::pool {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

struct Limits {
  std::size_t pool_size = 20;
  int max_overflow = 0;             // -1 = no bound
  Duration recycle = Duration(-1);  // age at which a connection is retired; negative = never
  bool lifo = true;
  bool pre_ping = false;
  Duration pre_ping_idle = std::chrono::milliseconds(500);  // 0 = ping at every checkout
};

// Base of one backend connection, as the pool sees it. Owned by proxy/; it must outlive its place
// in the pool: from opened() until forget(), lost() returning true, or a decision that says close.
class Member {
 public:
  virtual ~Member() = default;
  // Set by the owner before opened() and release(); read by the pool under its lock.
  std::uint32_t worker = 0;      // which worker's thread drives it now
  std::uint64_t fit_class = 0;   // must equal the asker's
  std::uint64_t state_hash = 0;  // equal to the asker's is preferred

 private:
  friend class PoolState;
  TimePoint opened_at_{};
  TimePoint proven_at_{};  // last answered query or ping
  TimePoint idle_since_{};
  bool idle_ = false;
};

struct Ask {
  std::uint32_t worker = 0;
  std::uint64_t fit_class = 0;
  std::uint64_t state_hash = 0;
};

enum class CloseReason : std::uint8_t {
  idle,
  lifetime,
  validation,
  error,
  overflow,
  reload,
  drain,
  admin,
  evicted,
  reset_failed,
  count_
};
const char* close_reason_label(CloseReason reason);

// What an asker gets. Reuse: the member is lent to it (it may live on another worker, see
// Member::worker: the owner moves it). Open: it holds a slot and must call opened() or
// open_failed(). `evict` then is a member that the pool has already forgotten and the asker must
// have closed (reason evicted).
struct Reuse {
  Member* member;
  bool ping;
};
struct Open {
  Member* evict = nullptr;
};
struct Queued {};
struct Closed {};  // the pool is shut down
using Decision = std::variant<Reuse, Open, Queued, Closed>;

// One who waits. Intrusive: it must stay where it is while queued.
class Waiter {
 public:
  virtual ~Waiter() = default;
  // Called once, outside the lock, by whichever thread freed something, with Reuse, Open or Closed.
  // It must only post to its own worker.
  virtual void deliver(Decision decision) = 0;

 private:
  friend class PoolState;
  Ask ask_{};
  TimePoint since_{};
  bool queued_ = false;
};

struct Snapshot {
  std::size_t idle = 0;
  std::size_t in_use = 0;  // lent, with those being pinged or reset
  std::size_t opening = 0;
  std::size_t waiting = 0;
  Duration oldest_wait{0};
};

class Pool {
 public:
  Pool(std::string name, Limits limits);
  ~Pool();

  const std::string& name() const { return name_; }

  // Reuse and Open at once, or Queued: then `waiter` is told later, in the order of asking.
  Decision acquire(Waiter& waiter, const Ask& ask, TimePoint now);
  // The wait ended (timeout, client gone). True: it was still queued and is no more. False: a
  // decision has been delivered or is being delivered: take it and act on it.
  bool withdraw(Waiter& waiter);

  // The asker opened a connection for the slot that it held; it is lent to the asker.
  void opened(Member& member, TimePoint now);
  void open_failed(TimePoint now);

  // A lent member comes back clean. True: kept, or handed to a waiter; the caller no longer owns
  // its fate. Otherwise the pool has forgotten it and the caller closes it for the reason given.
  struct Returned {
    bool kept;
    CloseReason reason;
  };
  Returned release(Member& member, TimePoint now);
  // A lent member is closed instead of coming back.
  void forget(Member& member, TimePoint now);
  // An idle member died by itself. False: somebody has just been lent it and will find out.
  bool lost(Member& member, TimePoint now);
  // A ping failed: idle members that were proven before now are pinged whatever pre_ping_idle says.
  void distrust(TimePoint now);
  // A lent member answered (a query or a ping) at `now`.
  void proven(Member& member, TimePoint now);

  // No more lending; waiters get Closed; the idle members are forgotten and returned for closing.
  std::vector<Member*> shut_down();

  Snapshot snapshot(TimePoint now) const;
  const Limits& limits() const { return limits_; }

 private:
  std::string name_;
  Limits limits_;
  mutable std::mutex mutex_;
  std::unique_ptr<class PoolState> state_;
};

}  // namespace sluice::pool
