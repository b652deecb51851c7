#include "pool/pool_state.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

namespace sluice::pool {
namespace {

constexpr std::size_t kNoBound = std::numeric_limits<std::size_t>::max();
constexpr int kPerfect = 3;

std::size_t bound_of(const Limits& limits) {
  if (limits.pool_size == 0 || limits.max_overflow < 0) {
    return kNoBound;
  }
  return limits.pool_size + static_cast<std::size_t>(limits.max_overflow);
}

// How little has to be done before `member` serves `ask`: same state without a move, same state,
// nothing to undo without a move, anything.
int rank(const Member& member, const Ask& ask) {
  const bool here = member.worker == ask.worker;
  if (member.state_hash == ask.state_hash) {
    return here ? kPerfect : 2;
  }
  return here && member.state_hash == 0 ? 1 : 0;
}

}  // namespace

PoolState::PoolState(const Limits& limits)
    : limits_(limits),
      bound_(bound_of(limits)),
      keep_(limits.pool_size == 0 ? kNoBound : limits.pool_size) {
  classes_.reserve(4);
}

Decision PoolState::acquire(Waiter& waiter, const Ask& ask, TimePoint now) {
  if (closed_) {
    return Closed{};
  }
  if (waiters_.empty()) {
    const Found found = scan(ask, now);
    if (found.best != nullptr) {
      take_idle(*found.best);
      ++lent_;
      return Reuse{found.best, needs_ping(*found.best, now)};
    }
    if (found.expired != nullptr) {
      return open_in_place_of(*found.expired, CloseReason::lifetime);
    }
    if (existing() < bound_) {
      ++opening_;
      return Open{};
    }
    if (Member* other = coldest(); other != nullptr) {
      return open_in_place_of(*other,
                              too_old(*other, now) ? CloseReason::lifetime : CloseReason::evicted);
    }
  }
  assert(!waiter.queued_);
  waiter.ask_ = ask;
  waiter.since_ = now;
  waiter.queued_ = true;
  waiters_.push_back(waiter);
  return Queued{};
}

bool PoolState::withdraw(Waiter& waiter) {
  if (!waiter.queued_) {
    return false;
  }
  waiter.queued_ = false;
  waiters_.erase(waiter);
  return true;
}

void PoolState::opened(Member& member, TimePoint now) {
  assert(opening_ > 0);
  --opening_;
  ++lent_;
  member.expires_at_ = limits_.recycle >= Duration(0) ? now + limits_.recycle : TimePoint::max();
  member.proven_at_ = now;
}

Handoff PoolState::open_failed(TimePoint /*now*/, OpenFailure /*failure*/) {
  assert(opening_ > 0);
  --opening_;
  return grant_slot();
}

Decision PoolState::replace(Member& member, bool ended) {
  assert(lent_ > 0 && !member.idle_);
  --lent_;
  ++opening_;
  return Open{ended ? nullptr : &member, CloseReason::validation};
}

PoolState::Released PoolState::release(Member& member, TimePoint now) {
  assert(lent_ > 0 && !member.idle_);
  --lent_;
  if (closed_) {
    ++closing_;
    return {{false, closed_reason_}, {}};
  }
  const bool old = too_old(member, now);
  if (!waiters_.empty()) {
    // The first in the queue wins, whatever the member is: what it cannot use, it replaces.
    Waiter& waiter = pop_waiter();
    if (!old && waiter.ask_.fit_class == member.fit_class) {
      ++lent_;
      return {{true, {}}, {&waiter, Reuse{&member, needs_ping(member, now)}}};
    }
    ++opening_;
    const CloseReason reason = old ? CloseReason::lifetime : CloseReason::evicted;
    return {{true, {}}, {&waiter, Open{&member, reason}}};
  }
  if (old) {
    ++closing_;
    return {{false, CloseReason::lifetime}, {}};
  }
  if (idle_ >= keep_) {
    ++closing_;
    return {{false, CloseReason::overflow}, {}};
  }
  make_idle(member, now);
  return {{true, {}}, {}};
}

Handoff PoolState::forget(Member& member, TimePoint /*now*/, bool ended) {
  assert(lent_ > 0 && !member.idle_);
  (void)member;
  --lent_;
  closing_ += ended ? 0 : 1;
  return grant_slot();
}

Handoff PoolState::closed(TimePoint /*now*/) {
  assert(closing_ > 0);
  --closing_;
  return grant_slot();
}

bool PoolState::lost(Member& member) {
  if (!member.idle_) {
    return false;
  }
  assert(waiters_.empty());
  take_idle(member);
  return true;
}

Tick PoolState::tick(TimePoint now) {
  Tick retired;
  for (IdleClass& idle : classes_) {
    for (Member* member = idle.members.front(); member != nullptr;) {
      Member* next = idle.members.next(*member);
      if (too_old(*member, now)) {
        take_idle(*member);
        ++closing_;
        retired.close.push_back({member, CloseReason::lifetime});
      }
      member = next;
    }
  }
  return retired;
}

PoolState::ShutDown PoolState::shut_down(CloseReason reason) {
  ShutDown result;
  if (closed_) {
    return result;
  }
  closed_ = true;
  closed_reason_ = reason;
  while (!waiters_.empty()) {
    result.waiters.push_back(&pop_waiter());
  }
  for (IdleClass& idle : classes_) {
    while (Member* member = idle.members.front()) {
      take_idle(*member);
      ++closing_;
      result.members.push_back(member);
    }
  }
  return result;
}

Snapshot PoolState::snapshot(TimePoint now) const {
  Snapshot snapshot;
  snapshot.idle = idle_;
  snapshot.in_use = lent_;
  snapshot.opening = opening_;
  snapshot.closing = closing_;
  snapshot.waiting = waiters_.size();
  if (const Waiter* first = waiters_.front(); first != nullptr) {
    snapshot.oldest_wait = std::max(now - first->since_, Duration(0));
  }
  return snapshot;
}

PoolState::Found PoolState::scan(const Ask& ask, TimePoint now) const {
  Found found;
  const IdleClass* idle = find_class(ask.fit_class);
  if (idle == nullptr) {
    return found;
  }
  int best_rank = -1;
  Member* member = limits_.lifo ? idle->members.back() : idle->members.front();
  for (std::size_t seen = 0; member != nullptr && seen < kScan; ++seen) {
    if (too_old(*member, now)) {
      found.expired = member;
    } else if (const int its_rank = rank(*member, ask); its_rank > best_rank) {
      best_rank = its_rank;
      found.best = member;
      if (best_rank == kPerfect) {
        break;
      }
    }
    member = limits_.lifo ? idle->members.previous(*member) : idle->members.next(*member);
  }
  return found;
}

Member* PoolState::coldest() const {
  Member* coldest = nullptr;
  for (const IdleClass& idle : classes_) {
    Member* member = idle.members.front();
    if (member != nullptr && (coldest == nullptr || member->idle_since_ < coldest->idle_since_)) {
      coldest = member;
    }
  }
  return coldest;
}

bool PoolState::too_old(const Member& member, TimePoint now) const {
  return now >= member.expires_at_;
}

bool PoolState::needs_ping(const Member& member, TimePoint now) const {
  const bool stale = limits_.pre_ping && now - member.proven_at_ >= limits_.pre_ping_idle;
  return stale || member.proven_at_ <= distrusted_at_;
}

const PoolState::IdleClass* PoolState::find_class(std::uint64_t fit_class) const {
  for (const IdleClass& idle : classes_) {
    if (idle.fit_class == fit_class) {
      return &idle;
    }
  }
  return nullptr;
}

// Reuses the place of a class that has nobody idle, so that the vector stays small and a busy pool
// allocates nothing.
PoolState::IdleClass& PoolState::class_for(std::uint64_t fit_class) {
  IdleClass* unused = nullptr;
  for (IdleClass& idle : classes_) {
    if (idle.fit_class == fit_class) {
      return idle;
    }
    if (idle.members.empty()) {
      unused = &idle;
    }
  }
  if (unused == nullptr) {
    unused = &classes_.emplace_back();
  }
  unused->fit_class = fit_class;
  return *unused;
}

void PoolState::make_idle(Member& member, TimePoint now) {
  member.idle_ = true;
  member.idle_since_ = now;
  class_for(member.fit_class).members.push_back(member);
  ++idle_;
}

void PoolState::take_idle(Member& member) {
  member.idle_ = false;
  class_for(member.fit_class).members.erase(member);
  --idle_;
}

Decision PoolState::open_in_place_of(Member& member, CloseReason reason) {
  take_idle(member);
  ++opening_;
  return Open{&member, reason};
}

Waiter& PoolState::pop_waiter() {
  Waiter& waiter = *waiters_.front();
  waiter.queued_ = false;
  waiters_.erase(waiter);
  return waiter;
}

Handoff PoolState::grant_slot() {
  if (waiters_.empty() || existing() >= bound_) {
    return {};
  }
  ++opening_;
  return {&pop_waiter(), Open{}};
}

}  // namespace sluice::pool
