#pragma once

// Every decision of a pool, without lock, clock or I/O. Deliveries to waiters are returned, not
// made. Between two calls this holds: while somebody waits, no member is idle and no slot is free.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pool/intrusive_list.hpp"
#include "pool/pool.hpp"

namespace sluice::pool {

// What a waiter must be told once the lock is gone. One call frees at most one slot, so there is
// at most one.
struct Handoff {
  Waiter* waiter = nullptr;  // null: nobody is told anything
  Decision decision{};
};

class PoolState {
 public:
  // How many idle members of a class one acquire looks at, from the preferred end.
  static constexpr std::size_t kScan = 16;

  explicit PoolState(const Limits& limits);

  Decision acquire(Waiter& waiter, const Ask& ask, TimePoint now);
  bool withdraw(Waiter& waiter);

  void opened(Member& member, TimePoint now);
  Handoff open_failed(TimePoint now, OpenFailure failure);
  Decision replace(Member& member, bool ended);

  struct Released {
    Pool::Returned returned;
    Handoff handoff;
  };
  Released release(Member& member, TimePoint now);
  Handoff forget(Member& member, TimePoint now, bool ended);
  Handoff closed(TimePoint now);
  bool lost(Member& member);
  Tick tick(TimePoint now);
  void distrust(TimePoint now) { distrusted_at_ = now; }
  static void proven(Member& member, TimePoint now) { member.proven_at_ = now; }

  struct ShutDown {
    std::vector<Waiter*> waiters;  // in the order of asking; all get Closed
    std::vector<Member*> members;
  };
  ShutDown shut_down(CloseReason reason);

  Snapshot snapshot(TimePoint now) const;

 private:
  // Idle members of one fit class, the most recently released at the back.
  struct IdleClass {
    std::uint64_t fit_class = 0;
    IntrusiveList<Member, &Member::link_> members;
  };
  // What a scan for `Ask` found: the best one to give, else one that is too old to be given.
  struct Found {
    Member* best = nullptr;
    Member* expired = nullptr;
  };

  Found scan(const Ask& ask, TimePoint now) const;
  Member* coldest() const;
  bool too_old(const Member& member, TimePoint now) const;
  bool needs_ping(const Member& member, TimePoint now) const;
  std::size_t existing() const { return idle_ + lent_ + opening_ + closing_; }

  const IdleClass* find_class(std::uint64_t fit_class) const;
  IdleClass& class_for(std::uint64_t fit_class);
  void make_idle(Member& member, TimePoint now);
  void take_idle(Member& member);

  Decision open_in_place_of(Member& member, CloseReason reason);
  Waiter& pop_waiter();
  Handoff grant_slot();

  Limits limits_;
  std::size_t bound_;  // of existing()
  std::size_t keep_;   // of idle_

  std::vector<IdleClass> classes_;                 // as many as fit classes were idle at one time
  IntrusiveList<Waiter, &Waiter::link_> waiters_;  // the first to come in front
  std::size_t idle_ = 0;
  std::size_t lent_ = 0;
  std::size_t opening_ = 0;
  std::size_t closing_ = 0;
  TimePoint distrusted_at_ = TimePoint::min();
  bool closed_ = false;
  CloseReason closed_reason_ = CloseReason::drain;
};

}  // namespace sluice::pool
