// What time alone brings.

#include <algorithm>

#include "pool/pool_state.hpp"

namespace sluice::pool {

PoolState::Ticked PoolState::tick(TimePoint now) {
  Ticked ticked;
  settle(now, ticked.deliveries);
  ticked.todo.close.swap(evicted_);
  if (closed_ || paused_) {
    return ticked;
  }
  if (now >= next_batch_at_) {
    retire_and_ping(now, ticked.todo);
  }
  warm(now, ticked.todo);
  return ticked;
}

TimePoint PoolState::next_tick(TimePoint now) const {
  if (!evicted_.empty()) {
    return now;
  }
  if (closed_ || paused_) {
    return TimePoint::max();
  }
  TimePoint next = std::max(next_for_idle(), next_batch_at_);
  if (lanes_.waiting() > 0) {
    next = std::min(next, next_for_waiters(now));
  } else if (wants_warming(now)) {
    next = std::min(next, std::max(now, warm_at_));
  } else if (wants_probe()) {
    next = std::min(next, std::max(now, outage_.retry_at()));
  }
  return next;
}

TimePoint PoolState::next_for_waiters(TimePoint now) const {
  TimePoint next = TimePoint::max();
  const bool held_back = outage_.down() && now < outage_.retry_at();
  if (held_back && opening_ == 0) {
    next = outage_.retry_at();
  }
  if (outage_.down() && lent_ == 0) {
    next = std::min(next, std::max(now, outage_.hopeless_at()));
  }
  if (held_back || !may_open(now)) {
    return next;
  }
  const bool room = claimed_ == nullptr && existing() < bound_;
  if (lanes_.idle() > 0 || (room && existing() < keep_)) {
    return now;
  }
  if (room) {
    next = std::min(next, lanes_.first_waiting()->since_ + limits_.overflow_delay);
  }
  return next;
}

TimePoint PoolState::next_for_idle() const {
  TimePoint next = TimePoint::max();
  lanes_.each_idle([&](const Member& member) {
    next = std::min({next, member.expires_at_, ping_at(member)});
    if (lanes_.idle() > limits_.min_idle) {
      next = std::min(next, idle_until(member));
    }
    return true;
  });
  return next;
}

// Later than idle_timeout by 0 to 10%.
TimePoint PoolState::idle_until(const Member& member) const {
  if (limits_.idle_timeout <= Duration(0)) {
    return TimePoint::max();
  }
  const double factor = 1 + 0.1 * static_cast<double>(member.jitter_);
  return member.idle_since_ + std::chrono::duration_cast<Duration>(limits_.idle_timeout * factor);
}

// Earlier than keepalive_time by 0 to 10%.
TimePoint PoolState::ping_at(const Member& member) const {
  if (limits_.keepalive_time <= Duration(0)) {
    return TimePoint::max();
  }
  const double factor = 1 - 0.1 * static_cast<double>(member.jitter_);
  return member.proven_at_ + std::chrono::duration_cast<Duration>(limits_.keepalive_time * factor);
}

// In batches, so that what was opened at one time does not end at one time.
void PoolState::retire_and_ping(TimePoint now, Tick& todo) {
  const std::size_t closing_before = todo.close.size();
  lanes_.each_idle([&](Member& member) {
    const bool old = now >= member.expires_at_;
    const bool unused = lanes_.idle() > limits_.min_idle && now >= idle_until(member);
    if (old || unused) {
      if (todo.close.size() - closing_before < kMaxRetired) {
        lanes_.remove_idle(member);
        begin_closing();
        todo.close.push_back({&member, old ? CloseReason::lifetime : CloseReason::idle});
      }
    } else if (now >= ping_at(member) && todo.ping.size() < kMaxPings) {
      lanes_.remove_idle(member);
      member.keepalive_ = true;
      ++pinging_;
      ++lent_;
      todo.ping.push_back(&member);
    }
    return todo.close.size() - closing_before < kMaxRetired || todo.ping.size() < kMaxPings;
  });
  if (todo.close.size() > closing_before || !todo.ping.empty()) {
    next_batch_at_ = now + kBatchGap;
  }
}

bool PoolState::wants_warming(TimePoint now) const {
  if (lanes_.waiting() != 0 || existing() >= keep_ || !may_open(now)) {
    return false;
  }
  if (outage_.down()) {
    return wants_probe();
  }
  return lanes_.idle() + opening_ + pinging_ < limits_.min_idle;
}

// Nobody asks a backend that is known to be down: it is tried all the same, so that it is known
// when it is back. One that refuses its logins is left to the next who asks.
bool PoolState::wants_probe() const {
  return outage_.down() && !outage_.permanent() && lanes_.idle() == 0 && lent_ == 0 &&
         opening_ == 0;
}

void PoolState::warm(TimePoint now, Tick& todo) {
  if (now < warm_at_) {
    return;
  }
  while (wants_warming(now)) {
    if (!take_budgets()) {
      warm_at_ = now + kWarmRetry;
      return;
    }
    ++opening_;
    ++todo.open;
  }
}

}  // namespace sluice::pool
