#pragma once

// Every decision of a pool, without lock, clock or I/O (budgets alone lock for themselves). What
// waiters are to be told is returned, not made.
//
// Between two calls this holds: nobody waits who could be served, but for what time alone has
// brought since (next_tick() is then in the past). While the pool is paused nobody can be.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pool/budget.hpp"
#include "pool/deliveries.hpp"
#include "pool/jitter.hpp"
#include "pool/lanes.hpp"
#include "pool/outage.hpp"
#include "pool/pool.hpp"

namespace sluice::pool {

class PoolState {
 public:
  // A freed member goes to the session of its own worker that has waited longest, unless the
  // longest of all has been passed over so often, or has waited longer than this: then the member
  // moves.
  static constexpr std::uint32_t kMaxPassed = 8;
  static constexpr Duration kMaxPassedWait = std::chrono::milliseconds(10);
  // Retirement and pings go in batches of at most so many, this far apart.
  static constexpr std::size_t kMaxRetired = 4;
  static constexpr std::size_t kMaxPings = 4;
  static constexpr Duration kBatchGap = std::chrono::milliseconds(100);
  // How long warming waits when a budget denied it a slot.
  static constexpr Duration kWarmRetry = std::chrono::seconds(1);

  explicit PoolState(const Limits& limits, std::vector<Budget*> budgets = {});
  PoolState(const PoolState&) = delete;
  PoolState& operator=(const PoolState&) = delete;
  ~PoolState();

  Decision acquire(Waiter& waiter, const Ask& ask, TimePoint now);
  bool withdraw(Waiter& waiter);

  Deliveries opened(Member& member, TimePoint now);
  Deliveries open_failed(TimePoint now, OpenFailure failure);
  struct Answer {
    Decision decision;
    Deliveries deliveries;
  };
  Answer open_again(Waiter& waiter, TimePoint now, OpenFailure failure);
  Answer replace(Member& member, Waiter& waiter, TimePoint now, bool ended);

  struct Released {
    Pool::Returned returned;
    Deliveries deliveries;
  };
  Released release(Member& member, TimePoint now);
  Deliveries forget(Member& member, TimePoint now, bool ended);
  struct Lost {
    bool forgotten;
    Deliveries deliveries;
  };
  Lost lost(Member& member, TimePoint now);
  Deliveries closed(TimePoint now);
  void distrust(TimePoint now) { distrusted_at_ = now; }
  static void proven(Member& member, TimePoint now) { member.proven_at_ = now; }

  struct Ticked {
    Tick todo;
    Deliveries deliveries;
  };
  Ticked tick(TimePoint now);
  TimePoint next_tick(TimePoint now) const;

  Deliveries set_limits(const Limits& limits, TimePoint now);
  Deliveries retire(CloseReason reason, TimePoint now);
  void pause(TimePoint now);
  Deliveries resume(TimePoint now);
  bool paused() const { return paused_; }
  Duration paused_for(TimePoint now) const;
  const Limits& limits() const { return limits_; }

  struct ShutDown {
    std::vector<Member*> members;
    Deliveries deliveries;
  };
  ShutDown shut_down(CloseReason reason);

  Snapshot snapshot(TimePoint now) const;

  // For budgets. TimePoint::max(): nothing is idle.
  TimePoint coldest_idle() const;
  // The coldest idle member is closing, and the next tick() returns it. False: nothing is idle.
  bool evict_coldest();
  // Whether a budget has to be balanced since it was last asked.
  bool take_unbalanced();

 private:
  static std::size_t bound_of(const Limits& limits);
  static std::size_t keep_of(const Limits& limits);
  std::size_t existing() const { return lanes_.idle() + lent_ + opening_ + closing_; }
  bool needs_ping(const Member& member, TimePoint now) const;
  bool may_open(TimePoint now) const;
  bool may_grow(TimePoint since, TimePoint now) const;
  bool hopeless(TimePoint now) const { return lent_ == 0 && outage_.hopeless(now); }

  // acquire(), or again, in the old place, after a failure.
  Decision ask(Waiter& waiter, TimePoint now, bool again);
  // A slot for `waiter`, which nobody has waited longer than; `expired` is closed for it.
  bool open_for(const Waiter& waiter, Member* expired, TimePoint now, Open& open);
  Open in_place_of(Member& member, TimePoint now);
  void settle(TimePoint now, Deliveries& deliveries);
  void pop(Waiter& waiter, Decision decision, Deliveries& deliveries);
  void refuse_waiting(Decision decision, Deliveries& deliveries);

  bool hand_over(Member& member, TimePoint now, Deliveries& deliveries);
  Waiter* next_for(Member& member, bool old, TimePoint now);
  void make_idle(Member& member, TimePoint now);
  void end_keepalive(Member& member);
  void close_idle(Member& member, CloseReason reason);
  void close_all_idle(CloseReason reason);
  void close_surplus();
  void set_expiry(Member& member) const;
  // Not to be lent again, and why; it is lent now.
  bool retired(const Member& member) const { return member.era != era_; }
  bool too_old(const Member& member, TimePoint now) const {
    return retired(member) || now >= member.expires_at_;
  }
  CloseReason why_old(const Member& member) const {
    return retired(member) ? retired_for_ : CloseReason::lifetime;
  }
  void taken_back(const Member& member);

  void retire_and_ping(TimePoint now, Tick& todo);
  void warm(TimePoint now, Tick& todo);
  TimePoint next_for_waiters(TimePoint now) const;
  TimePoint next_for_idle() const;
  bool wants_warming(TimePoint now) const;
  bool wants_probe() const;
  TimePoint idle_until(const Member& member) const;
  TimePoint ping_at(const Member& member) const;

  bool take_budgets();
  void claim_budget(TimePoint now);
  void drop_claim();
  void begin_closing();
  void free_slot();
  bool claimed_by_others(TimePoint now) const;
  bool over_budget() const;

  Limits limits_;
  std::size_t bound_;  // of existing()
  std::size_t keep_;   // of the idle ones; growth above it takes overflow_delay

  Lanes lanes_;
  std::size_t lent_ = 0;
  std::size_t opening_ = 0;
  std::size_t closing_ = 0;
  std::size_t pinging_ = 0;  // lent by tick()
  std::uint64_t turns_ = 0;
  Outage outage_;
  Jitter jitter_;
  TimePoint distrusted_at_ = TimePoint::min();
  TimePoint next_batch_at_ = TimePoint::min();
  TimePoint warm_at_ = TimePoint::min();

  std::uint32_t era_ = 0;
  CloseReason retired_for_ = CloseReason::reload;
  std::size_t retiring_ = 0;     // lent, and of an era before
  bool limits_changed_ = false;  // since some members were opened

  bool paused_ = false;
  TimePoint paused_at_{};
  Duration paused_before_{0};  // in all pauses that are over

  std::vector<Budget*> budgets_;
  Budget* denied_by_ = nullptr;  // by the last take_budgets()
  Budget* claimed_ = nullptr;    // where the first waiter's claim stands
  bool unbalanced_ = false;
  std::vector<Tick::Close> evicted_;  // closing, to be returned by tick()

  bool closed_ = false;
  CloseReason closed_reason_ = CloseReason::drain;
};

}  // namespace sluice::pool
