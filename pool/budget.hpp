#pragma once

// A cap over several pools, such as max_db_connections.
//
// Every connection of the pools takes one unit from the decision to open it until its end. A pool
// whose first waiter lacks a unit claims one; claims are served in turn. While there are more
// claims than connections about to end, the coldest idle member of another pool is evicted for
// them.
//
// Locks: mutex_ is a leaf, taken below the lock of any pool. pools_mutex_ is taken above the lock
// of any pool, so never with one held, and one pool's lock at a time is taken below it.

#include <atomic>
#include <cstddef>
#include <deque>
#include <mutex>
#include <vector>

#include "pool/pool.hpp"

namespace sluice::pool {

class PoolState;

// Thread-safe. Pools share it and keep it alive.
class Budget {
 public:
  explicit Budget(std::size_t limit) : limit_(limit) {}
  std::size_t limit() const;
  std::size_t used() const;
  // Where more than `limit` are open, idle members are closed now, the others as they come back.
  void set_limit(std::size_t limit);

 private:
  friend class Pool;
  friend class PoolState;

  // How long a claim waits before a pool that has waiters of its own gives up a member for it, if
  // that claim is also the older one: long enough that two busy pools do not trade connections with
  // every release.
  static constexpr Duration kPatience = std::chrono::milliseconds(50);

  struct Claim {
    const PoolState* claimant;
    TimePoint since;
    bool served = false;  // its pool has been asked to come for the unit
  };

  // False: nothing is left, or it is another claimant's turn.
  bool take(const PoolState& taker);
  void give_back(std::size_t units = 1);
  void claim(const PoolState& claimant, TimePoint now);
  void drop_claim(const PoolState& claimant);
  // Connections that are about to give back: those in closing.
  void closing(std::ptrdiff_t change);
  // More units are out than set_limit() has left, even when those in closing have ended.
  bool over() const;
  // Should a pool whose first waiter came at `since` give up a member for another one's claim?
  bool overdue(const PoolState& holder, TimePoint since, TimePoint now) const;

  void enlist(Pool& pool);
  void strike(Pool& pool);
  // Hands free units to who claims them, and has idle members evicted for those who get none.
  // Called after whatever may have changed either, with no lock held.
  void balance();
  const PoolState* next_served();
  const PoolState* short_of_units() const;
  Pool* coldest_pool(const PoolState* claimant) const;

  std::size_t limit_;
  std::atomic<bool> shrunk_{false};  // set_limit() has left less than were in use
  mutable std::mutex mutex_;
  std::size_t used_ = 0;
  std::ptrdiff_t closing_ = 0;
  std::deque<Claim> claims_;  // the first to come in front
  std::atomic<std::size_t> claim_count_{0};

  std::mutex pools_mutex_;
  std::vector<Pool*> pools_;
};

}  // namespace sluice::pool
