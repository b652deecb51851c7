#pragma once

// The idle members and the waiters of a pool by fit class and worker, so that what is wanted most,
// a member of the own worker, is found at once. Owns nothing; pure.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pool/intrusive_list.hpp"
#include "pool/pool.hpp"

namespace sluice::pool {

class Lanes {
 public:
  // How many members that could be given are compared for their state: here, and on each other
  // worker.
  static constexpr std::size_t kScan = 16;
  static constexpr std::size_t kScanElsewhere = 4;

  Lanes() { classes_.reserve(4); }

  // Ordered by idle_since_, the most recent at the back.
  void add_idle(Member& member);
  void remove_idle(Member& member);
  std::size_t idle() const { return idle_; }

  // Which idle member serves `ask` with the least to be done first: here before elsewhere, and then
  // with the same state, with none, any; among equals the hottest, or the coldest without `lifo`.
  struct Pick {
    Member* best = nullptr;     // null: none, or all are too old
    Member* expired = nullptr;  // one that is too old, met on the way
  };
  Pick pick(const Ask& ask, TimePoint now, bool lifo) const;
  Member* coldest() const;
  // `visit(member)` may remove the member. It returns false to end the walk.
  template <typename Visit>
  void each_idle(Visit visit) const;

  // Ordered by turn_.
  void add_waiting(Waiter& waiter);
  void remove_waiting(Waiter& waiter);
  Waiter* first_waiting() const { return queue_.front(); }
  std::size_t waiting() const { return queue_.size(); }
  Waiter* first_waiting_here(const Member& member) const;
  Waiter* first_waiting_of(std::uint64_t fit_class) const;

 private:
  using Idle = IntrusiveList<Member, &Member::link_>;
  using Waiting = IntrusiveList<Waiter, &Waiter::lane_link_>;
  struct Lane {
    Idle idle;
    Waiting waiting;
  };
  struct FitClass {
    std::uint64_t id = 0;
    std::size_t used = 0;  // members and waiters in it
    std::vector<Lane> by_worker;
  };

  const FitClass* find(std::uint64_t fit_class) const;
  FitClass& find_or_make(std::uint64_t fit_class);
  Lane& enter(std::uint64_t fit_class, std::uint32_t worker);
  Lane& leave(std::uint64_t fit_class, std::uint32_t worker);

  std::vector<FitClass> classes_;  // as many as were in use at one time
  IntrusiveList<Waiter, &Waiter::link_> queue_;
  std::size_t idle_ = 0;
};

template <typename Visit>
void Lanes::each_idle(Visit visit) const {
  for (const FitClass& fit_class : classes_) {
    for (const Lane& lane : fit_class.by_worker) {
      for (Member* member = lane.idle.front(); member != nullptr;) {
        Member* next = Idle::next(*member);
        if (!visit(*member)) {
          return;
        }
        member = next;
      }
    }
  }
}

}  // namespace sluice::pool
