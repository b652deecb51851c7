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
  std::size_t pool_size = 20;  // 0 = no bound, as with SQLAlchemy: max_overflow is not used then
  int max_overflow = 0;        // -1 = no bound
  Duration recycle = Duration(-1);  // age at which a connection is retired; negative = never
  bool lifo = true;
  bool pre_ping = false;
  Duration pre_ping_idle = std::chrono::milliseconds(500);  // 0 = ping at every checkout
};

// Base of one backend connection, as the pool sees it. Owned by proxy/; it must outlive its place
// in the pool: from opened() until forget(), lost() returning true, or a decision that says close.
class Member {
 public:
  Member() = default;
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;
  virtual ~Member();  // must not be idle in a pool
  // Set by the owner before opened() and release(); read by the pool under its lock. They stay as
  // they are while the member is idle.
  std::uint32_t worker = 0;      // which worker's thread drives it now
  std::uint64_t fit_class = 0;   // must equal the asker's
  std::uint64_t state_hash = 0;  // equal to the asker's is preferred

 private:
  friend class PoolState;
  template <typename T>
  friend class IntrusiveList;
  TimePoint opened_at_{};
  TimePoint proven_at_{};  // last answered query or ping
  TimePoint idle_since_{};
  bool idle_ = false;
  Member* previous_ = nullptr;  // neighbours in the list of idle members
  Member* next_ = nullptr;
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
// have closed, before it opens, for `reason`: its slot is the asker's. It may live on another
// worker, whose lost() may still be on its way (and will return false).
struct Reuse {
  Member* member;
  bool ping;
};
struct Open {
  Member* evict = nullptr;
  CloseReason reason = CloseReason::evicted;  // or lifetime
};
struct Queued {};
struct Closed {};  // the pool is shut down
using Decision = std::variant<Reuse, Open, Queued, Closed>;

// One who waits. Intrusive: it must stay where it is while queued.
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  virtual ~Waiter();  // must not be queued
  // Called once, outside the lock, by whichever thread freed something, with Reuse, Open or Closed.
  // It must only post to its own worker, and must not touch itself after that.
  virtual void deliver(Decision decision) = 0;

 private:
  friend class PoolState;
  template <typename T>
  friend class IntrusiveList;
  Ask ask_{};
  TimePoint since_{};
  bool queued_ = false;
  Waiter* previous_ = nullptr;
  Waiter* next_ = nullptr;
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
  // A lent member turned out dead at checkout. The pool forgets it, the asker closes it, and holds
  // its slot as if it had been told Open: no waiter comes in between.
  void replace(Member& member);

  // A lent member comes back clean. kept: it is idle now, or a waiter has got it, to use it or to
  // close it; the caller no longer owns its fate. Otherwise the pool has forgotten it and the
  // caller closes it for the reason given. Overflow is what finds pool_size members idle already.
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
  // Idle members that are too old, wherever they are: forgotten, for closing with lifetime. For a
  // timer of about a second: a member that nobody asks for grows old unseen.
  std::vector<Member*> retire(TimePoint now);
  // A lent member answered (a query or a ping) at `now`. Takes no lock: only who it is lent to
  // calls.
  void proven(Member& member, TimePoint now);

  // No more lending; waiters get Closed; the idle members are forgotten and returned for closing.
  // What is lent still comes back, and is then closed for the same reason.
  std::vector<Member*> shut_down(CloseReason reason = CloseReason::drain);

  Snapshot snapshot(TimePoint now) const;
  const Limits& limits() const { return limits_; }

 private:
  std::string name_;
  Limits limits_;
  mutable std::mutex mutex_;
  std::unique_ptr<class PoolState> state_;
};

}  // namespace sluice::pool
