// What comes back, what ends, and who gets it next.

#include <algorithm>
#include <cassert>

#include "pool/pool_state.hpp"

namespace sluice::pool {

PoolState::Released PoolState::release(Member& member, TimePoint now) {
  taken_back(member);
  if (limits_changed_) {
    set_expiry(member);
  }
  if (closed_ || paused_) {
    end_keepalive(member);
    begin_closing();
    return {{false, closed_ ? closed_reason_ : CloseReason::admin}, {}};
  }
  Released released{{true, {}}, {}};
  if (existing() - closing_ >= bound_ || over_budget()) {
    // The others fill what set_limits() has left; those that are closing will be gone.
    end_keepalive(member);
    begin_closing();
    released.returned = {false, CloseReason::reload};
    settle(now, released.deliveries);
    return released;
  }
  if (lanes_.waiting() > 0) {
    if (!budgets_.empty() && claimed_by_others(now)) {
      end_keepalive(member);
      begin_closing();
      released.returned = {false, CloseReason::evicted};
      settle(now, released.deliveries);
      return released;
    }
    if (hand_over(member, now, released.deliveries)) {
      end_keepalive(member);
      settle(now, released.deliveries);
      return released;
    }
  }
  const bool old = too_old(member, now);
  if (old || lanes_.idle() >= keep_) {
    end_keepalive(member);
    begin_closing();
    released.returned = {false, old ? why_old(member) : CloseReason::overflow};
  } else {
    make_idle(member, now);
  }
  if (lanes_.waiting() > 0) {
    settle(now, released.deliveries);
  }
  return released;
}

// A waiter gets the member, to use it or to open in its place. False: nobody can use it now.
bool PoolState::hand_over(Member& member, TimePoint now, Deliveries& deliveries) {
  const bool old = too_old(member, now);
  Waiter* taker = next_for(member, old, now);
  if (taker == nullptr) {
    return false;
  }
  if (!old && taker->ask_.fit_class == member.fit_class) {
    ++lent_;
    pop(*taker, Reuse{&member, needs_ping(member, now)}, deliveries);
  } else {
    ++opening_;
    pop(*taker, Open{&member, old ? why_old(member) : CloseReason::evicted}, deliveries);
  }
  return true;
}

Waiter* PoolState::next_for(Member& member, bool old, TimePoint now) {
  const bool opens = may_open(now);
  if (old) {
    return opens ? lanes_.first_waiting() : nullptr;
  }
  Waiter* first = opens ? lanes_.first_waiting() : lanes_.first_waiting_of(member.fit_class);
  Waiter* here = lanes_.first_waiting_here(member);
  if (first == nullptr || here == nullptr || here == first) {
    return first;
  }
  if (first->passed_ >= kMaxPassed || now - first->since_ > kMaxPassedWait) {
    return first;
  }
  ++first->passed_;
  return here;
}

Deliveries PoolState::forget(Member& member, TimePoint now, bool ended) {
  taken_back(member);
  end_keepalive(member);
  if (ended) {
    free_slot();
  } else {
    begin_closing();
  }
  Deliveries deliveries;
  settle(now, deliveries);
  return deliveries;
}

void PoolState::taken_back(const Member& member) {
  assert(lent_ > 0 && !member.idle_);
  --lent_;
  retiring_ -= retired(member) ? 1 : 0;
}

PoolState::Lost PoolState::lost(Member& member, TimePoint now) {
  Lost lost{member.idle_, {}};
  if (lost.forgotten) {
    lanes_.remove_idle(member);
    free_slot();
    settle(now, lost.deliveries);
  }
  return lost;
}

Deliveries PoolState::closed(TimePoint now) {
  assert(closing_ > 0);
  --closing_;
  for (Budget* budget : budgets_) {
    budget->closing(-1);
  }
  free_slot();
  Deliveries deliveries;
  settle(now, deliveries);
  return deliveries;
}

PoolState::ShutDown PoolState::shut_down(CloseReason reason) {
  ShutDown result;
  if (closed_) {
    return result;
  }
  closed_ = true;
  closed_reason_ = reason;
  refuse_waiting(Closed{}, result.deliveries);
  drop_claim();
  for (const Tick::Close& evicted : evicted_) {
    result.members.push_back(evicted.member);
  }
  evicted_.clear();
  lanes_.each_idle([&](Member& member) {
    result.members.push_back(&member);
    return true;
  });
  for (Member* member : result.members) {
    if (member->idle_) {
      lanes_.remove_idle(*member);
      begin_closing();
    }
  }
  return result;
}

Snapshot PoolState::snapshot(TimePoint now) const {
  Snapshot snapshot;
  snapshot.idle = lanes_.idle();
  snapshot.in_use = lent_;
  snapshot.opening = opening_;
  snapshot.closing = closing_;
  snapshot.retiring = retiring_;
  snapshot.waiting = lanes_.waiting();
  if (const Waiter* first = lanes_.first_waiting(); first != nullptr) {
    snapshot.oldest_wait = std::max(now - first->since_, Duration(0));
  }
  snapshot.paused = paused_;
  snapshot.failures = outage_.failures();
  if (outage_.down()) {
    snapshot.retry_in = std::max(outage_.retry_at() - now, Duration(0));
  }
  return snapshot;
}

void PoolState::make_idle(Member& member, TimePoint now) {
  if (!member.keepalive_) {
    member.idle_since_ = now;
  }
  end_keepalive(member);
  lanes_.add_idle(member);
  unbalanced_ = !budgets_.empty();
}

void PoolState::end_keepalive(Member& member) {
  pinging_ -= member.keepalive_ ? 1 : 0;
  member.keepalive_ = false;
}

}  // namespace sluice::pool
