// What a change of the configuration, or an operator, does to a pool that runs.

#include <algorithm>
#include <utility>

#include "pool/pool_state.hpp"

namespace sluice::pool {

Deliveries PoolState::set_limits(const Limits& limits, TimePoint now) {
  const std::uint64_t seed = limits_.jitter_seed;
  limits_ = limits;
  limits_.jitter_seed = seed;
  bound_ = bound_of(limits_);
  keep_ = keep_of(limits_);
  limits_changed_ = true;
  lanes_.each_idle([this](Member& member) {
    set_expiry(member);
    return true;
  });
  close_surplus();
  Deliveries deliveries;
  settle(now, deliveries);
  return deliveries;
}

// The coldest first. What is lent is closed when it comes back.
void PoolState::close_surplus() {
  while (lanes_.idle() > 0 && (existing() - closing_ > bound_ || lanes_.idle() > keep_)) {
    close_idle(*lanes_.coldest(), CloseReason::reload);
  }
}

Deliveries PoolState::retire(CloseReason reason, TimePoint now) {
  ++era_;
  retired_for_ = reason;
  retiring_ = lent_;
  // What was wrong with the backend may be mended by what is new.
  outage_.forget(opening_);
  close_all_idle(reason);
  Deliveries deliveries;
  settle(now, deliveries);
  return deliveries;
}

void PoolState::pause(TimePoint now) {
  if (closed_ || paused_) {
    return;
  }
  paused_ = true;
  paused_at_ = now;
  drop_claim();
  close_all_idle(CloseReason::admin);
}

Deliveries PoolState::resume(TimePoint now) {
  Deliveries deliveries;
  if (paused_) {
    paused_before_ = paused_for(now);
    paused_ = false;
    settle(now, deliveries);
  }
  return deliveries;
}

Duration PoolState::paused_for(TimePoint now) const {
  return paused_before_ + (paused_ ? std::max(now - paused_at_, Duration(0)) : Duration(0));
}

void PoolState::close_all_idle(CloseReason reason) {
  lanes_.each_idle([&](Member& member) {
    close_idle(member, reason);
    return true;
  });
}

void PoolState::close_idle(Member& member, CloseReason reason) {
  lanes_.remove_idle(member);
  begin_closing();
  evicted_.push_back({&member, reason});
}

void PoolState::set_expiry(Member& member) const {
  member.expires_at_ = TimePoint::max();
  if (limits_.recycle >= Duration(0)) {
    const double factor = 1 - 0.1 * static_cast<double>(member.jitter_);
    member.expires_at_ =
        member.opened_at_ + std::chrono::duration_cast<Duration>(limits_.recycle * factor);
  }
}

bool PoolState::over_budget() const {
  return std::any_of(budgets_.begin(), budgets_.end(),
                     [](const Budget* budget) { return budget->over(); });
}

}  // namespace sluice::pool
