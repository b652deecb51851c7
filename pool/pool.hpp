#pragma once

// One pool for all workers: exact bounds, fair waiting with direct hand-off, LIFO reuse, outages.
// It knows no database and no socket. All decisions are in PoolState (pool_state.hpp), which is
// pure and takes `now`; this shell adds the lock and the delivery to waiters. Thread-safe.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "pool/intrusive_list.hpp"

namespace sluice::pool {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

struct Limits {
  std::size_t pool_size = 20;   // 0 = no bound, as with SQLAlchemy: max_overflow is not used then
  int max_overflow = 0;         // -1 = no bound
  Duration overflow_delay{0};   // wait before a slot above pool_size is given
  std::size_t max_waiting = 0;  // who comes when so many wait is refused; 0 = no bound
  std::size_t max_connecting = 0;  // openings at a time; 0 = no bound
  std::size_t min_idle = 0;        // kept warm, within pool_size
  Duration idle_timeout{0};        // idle members above min_idle that are retired; 0 = never
  Duration keepalive_time{0};      // an idle member unproven for so long is pinged; 0 = never
  // Age at which a connection is retired, less 0 to 10% drawn for each; negative = never.
  Duration recycle = Duration(-1);
  bool lifo = true;
  bool pre_ping = false;
  Duration pre_ping_idle = std::chrono::milliseconds(500);  // 0 = ping at every checkout
  // The wait after the first failed opening, doubled by each further one up to the maximum, +-20%.
  // 0 = failures hold nobody back and nobody is ever told Down.
  Duration connect_retry_min = std::chrono::milliseconds(250);
  Duration connect_retry_max = std::chrono::seconds(15);
  // For how long after its first failure a backend that was up before is waited for.
  Duration outage_grace{0};
  std::uint64_t jitter_seed = 1;  // pools of one process should have different ones
};

// Base of one backend connection, as the pool sees it. Owned by proxy/; it must outlive its place
// in the pool: from opened() until forget(), replace(), lost() returning true, release() not
// keeping it, or a decision, tick() or shut_down() that says close.
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
  std::uint32_t era = 0;         // Pool::era() when its opening began

 private:
  friend class PoolState;
  friend class Lanes;
  TimePoint opened_at_{};
  TimePoint expires_at_ = TimePoint::max();
  TimePoint proven_at_{};  // last answered query or ping
  TimePoint idle_since_{};
  float jitter_ = 0;  // drawn at opened(), in [0, 1)
  bool idle_ = false;
  bool keepalive_ = false;  // lent by tick(): its idle time goes on
  Link<Member> link_;       // in the list of idle members
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

// What an asker gets.
// Reuse: the member is lent to it (it may live on another worker, see Member::worker: the owner
// moves it).
struct Reuse {
  Member* member;
  bool ping;
};
// Open: it holds a slot and must call opened(), open_failed() or open_again(). `evict` then is a
// member that the pool has already forgotten: the asker closes it for `reason`, waits until that
// connection has really ended, and only then opens. Its slot is the asker's: closed() is not called
// for it. It may live on another worker, whose lost() may still be on its way (and will return
// false).
struct Open {
  Member* evict = nullptr;
  // Or lifetime, validation (from replace()), or what retire() was called with.
  CloseReason reason = CloseReason::evicted;
};
struct Queued {};
// max_waiting sessions wait already.
struct Refused {};
// The backend cannot be reached, and nothing that lives could serve the asker. The owner knows the
// text of the last error.
struct Down {};
// The pool is shut down.
struct Closed {};
using Decision = std::variant<Reuse, Open, Queued, Refused, Down, Closed>;

// One who waits. Intrusive: it must stay where it is while queued.
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  virtual ~Waiter();  // must not be queued
  // Called once, outside the lock, by whichever thread freed something, with Reuse, Open, Down or
  // Closed. It must only post to its own worker, and must not touch itself after that.
  virtual void deliver(Decision decision) = 0;

 private:
  friend class PoolState;
  friend class Lanes;
  friend class Deliveries;
  Ask ask_{};
  TimePoint since_{};
  std::uint64_t turn_ = 0;    // the order of asking
  std::uint32_t passed_ = 0;  // how often a later one was served while it was the first
  bool queued_ = false;
  Link<Waiter> link_;       // in the queue
  Link<Waiter> lane_link_;  // in the queue of its worker
  Waiter* next_told_ = nullptr;
  Decision told_{};
};

// How an opening ended that did not succeed.
enum class OpenFailure : std::uint8_t {
  transient,  // not reached, timed out, "too many connections", "starting up"
  permanent,  // the server's refusal: wrong password, unknown database, TLS
  given_up,   // nothing is known of the backend: whoever asked has gone
};

// What tick() wants done. The owner does all of it.
struct Tick {
  struct Close {
    Member* member;
    CloseReason reason;  // idle, lifetime, evicted, or that of retire() or set_limits()
  };
  std::vector<Close> close;   // forgotten; closed() once each has ended
  std::vector<Member*> ping;  // lent to the owner: proven() and release(), or forget()
  // So many slots are the owner's to open: each ends in opened() and release(), or open_failed().
  std::size_t open = 0;
};

struct Snapshot {
  std::size_t idle = 0;
  std::size_t in_use = 0;   // lent, with those being pinged or reset
  std::size_t opening = 0;  // with those that wait for the end of the member they evict
  std::size_t closing = 0;
  std::size_t retiring = 0;  // of those in use: closed when they come back, see retire()
  std::size_t waiting = 0;
  Duration oldest_wait{0};
  std::uint32_t failures = 0;  // openings that failed one after the other; 0: up, or not known
  Duration retry_in{0};        // while there are failures: until the next opening may begin
  bool paused = false;
};

class Budget;

// Slots: every connection has one from the decision to open it until its end at the server, so that
// idle + lent + opening + closing never exceeds pool_size + max_overflow. Where a member is said to
// be "closing" the caller closes it and calls closed() once the connection has ended.
class Pool {
 public:
  // At most two budgets, which other pools share.
  Pool(std::string name, Limits limits, std::vector<std::shared_ptr<Budget>> budgets = {});
  ~Pool();

  const std::string& name() const { return name_; }

  // Anything but Queued is final. Queued: `waiter` is told later; sessions of one worker in the
  // order of asking, see kMaxPassed for the order between workers.
  Decision acquire(Waiter& waiter, const Ask& ask, TimePoint now);
  // The wait ended (timeout, client gone). True: it was still queued and is no more. False: a
  // decision has been delivered or is being delivered: take it and act on it.
  bool withdraw(Waiter& waiter);

  // The asker opened a connection for the slot that it held; it is lent to the asker.
  void opened(Member& member, TimePoint now);
  // The asker could not, and is done. Its slot is free.
  void open_failed(TimePoint now, OpenFailure failure);
  // The same, but the asker still wants to be served: as acquire() by the same waiter, in the place
  // that it had in the queue. Down: give up, with the error just met.
  Decision open_again(Waiter& waiter, TimePoint now, OpenFailure failure);
  // A lent member turned out dead at checkout; `waiter` is the one that acquire() or deliver() lent
  // it to. Open: its slot is the asker's (`evict` is the member, unless it has ended). Otherwise
  // the member is closing (unless it has ended), and the asker, in its old place, gets what there
  // is: while openings are held back they are not for it either.
  Decision replace(Member& member, Waiter& waiter, TimePoint now, bool ended);

  // A lent member comes back clean. kept: it is idle now, or a waiter has got it, to use it or to
  // close it; the caller no longer owns its fate. Otherwise it is closing, for the reason given.
  // Overflow is what finds pool_size members idle already.
  struct Returned {
    bool kept;
    CloseReason reason;
  };
  Returned release(Member& member, TimePoint now);
  // A lent member is closed instead of coming back: closing, unless the server has ended it.
  void forget(Member& member, TimePoint now, bool ended = false);
  // An idle member died by itself: forgotten, and its slot is free. False: somebody has just been
  // lent it and will find out.
  bool lost(Member& member, TimePoint now);
  // The connection of a member that was closing has ended: its slot is free.
  void closed(TimePoint now);
  // A ping failed: idle members that were proven before now are pinged whatever pre_ping_idle says.
  void distrust(TimePoint now);
  // A lent member answered (a query or a ping) at `now`. Takes no lock: only who it is lent to
  // calls.
  void proven(Member& member, TimePoint now);

  // What time brings: waits that have lasted overflow_delay, the next probe of a backend that is
  // down, the end of the grace, retirement, pings, warming. For a timer of 100 ms to 1 s.
  Tick tick(TimePoint now);
  // When tick() has something to do, if nothing else happens before; TimePoint::max(): never.
  TimePoint next_tick(TimePoint now) const;
  // `hook` is called, by any thread and without a lock, when tick() should be called soon: a
  // sibling of a budget waits for a member that is idle here, or has given back what is waited for
  // here. It must only post. Set before the first acquire().
  void on_tick_wanted(std::function<void()> hook);

  // The bounds and times change under what runs. Who waits is served where there is more room now;
  // what is too much is closed (CloseReason::reload) when it is free. jitter_seed stays.
  void set_limits(const Limits& limits, TimePoint now);
  // A new era begins: members of the one before are not lent again. The idle ones are closing, the
  // others are when they come back. What tick() returns follows from it: on_tick_wanted's hook is
  // called.
  void retire(CloseReason reason, TimePoint now);
  // Whoever opens a member reads it before it looks at what to log in with.
  std::uint32_t era() const { return era_.load(std::memory_order_acquire); }

  // Until resume() nothing is lent or opened: who asks waits, however many wait already, and is not
  // told Down. The idle members are closing (CloseReason::admin); what is lent, or being opened for
  // somebody, is when it comes back. Nothing is due by time alone. tick() as with retire().
  void pause(TimePoint now);
  // Serves those who wait, in their order.
  void resume(TimePoint now);
  bool paused() const;
  // For how long the pool has been paused since its beginning: what a wait's own limit leaves out.
  Duration paused_for(TimePoint now) const;

  // No more lending; waiters get Closed; the idle members are forgotten, closing, and returned.
  // What is lent still comes back, and is then closing for the same reason.
  std::vector<Member*> shut_down(CloseReason reason = CloseReason::drain);

  Snapshot snapshot(TimePoint now) const;
  Limits limits() const;

 private:
  friend class Budget;
  // For budgets; each takes the lock.
  TimePoint coldest_idle() const;
  bool evict_coldest();
  std::function<void()> tick_wanted() const;
  // Runs `decide` on the state under the lock, and then balances the budgets that it has touched.
  template <typename Decide>
  auto locked(Decide decide);

  // Something is there for tick() to return. With no lock held.
  void want_tick() const;

  std::string name_;
  std::atomic<std::uint32_t> era_{0};
  std::vector<std::shared_ptr<Budget>> budgets_;
  std::function<void()> tick_wanted_;
  mutable std::mutex mutex_;
  std::unique_ptr<class PoolState> state_;
};

}  // namespace sluice::pool
