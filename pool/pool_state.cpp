// Asking and opening: who gets a slot.

#include "pool/pool_state.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace sluice::pool {
namespace {

constexpr std::size_t kNoBound = std::numeric_limits<std::size_t>::max();

}  // namespace

std::size_t PoolState::bound_of(const Limits& limits) {
  if (limits.pool_size == 0 || limits.max_overflow < 0) {
    return kNoBound;
  }
  return limits.pool_size + static_cast<std::size_t>(limits.max_overflow);
}

std::size_t PoolState::keep_of(const Limits& limits) {
  return limits.pool_size == 0 ? kNoBound : limits.pool_size;
}

PoolState::PoolState(const Limits& limits, std::vector<Budget*> budgets)
    : limits_(limits),
      bound_(bound_of(limits)),
      keep_(keep_of(limits)),
      outage_(limits_),
      jitter_(limits.jitter_seed),
      budgets_(std::move(budgets)) {}

PoolState::~PoolState() {
  drop_claim();
  for (Budget* budget : budgets_) {
    budget->closing(-static_cast<std::ptrdiff_t>(closing_));
    budget->give_back(existing());
  }
}

Decision PoolState::acquire(Waiter& waiter, const Ask& ask_for, TimePoint now) {
  assert(!waiter.queued_);
  waiter.ask_ = ask_for;
  waiter.since_ = now;
  waiter.turn_ = ++turns_;
  waiter.passed_ = 0;
  return ask(waiter, now, false);
}

Decision PoolState::ask(Waiter& waiter, TimePoint now, bool again) {
  if (closed_) {
    return Closed{};
  }
  if (paused_) {
    lanes_.add_waiting(waiter);
    return Queued{};
  }
  // Nobody queued could use what is found here, or would have got it.
  const Lanes::Pick pick = lanes_.pick(waiter.ask_, now, limits_.lifo);
  if (pick.best != nullptr) {
    lanes_.remove_idle(*pick.best);
    ++lent_;
    return Reuse{pick.best, needs_ping(*pick.best, now)};
  }
  const Waiter* first = lanes_.first_waiting();
  denied_by_ = nullptr;
  if (first == nullptr || waiter.turn_ < first->turn_) {
    if (Open open; open_for(waiter, pick.expired, now, open)) {
      return open;
    }
  }
  if (hopeless(now)) {
    return Down{};
  }
  if (!again && limits_.max_waiting != 0 && lanes_.waiting() >= limits_.max_waiting) {
    return Refused{};
  }
  lanes_.add_waiting(waiter);
  if (denied_by_ != nullptr) {
    claim_budget(now);
  }
  return Queued{};
}

bool PoolState::withdraw(Waiter& waiter) {
  if (!waiter.queued_) {
    return false;
  }
  lanes_.remove_waiting(waiter);
  if (lanes_.waiting() == 0) {
    drop_claim();
  }
  return true;
}

Deliveries PoolState::opened(Member& member, TimePoint now) {
  assert(opening_ > 0);
  --opening_;
  ++lent_;
  if (retired(member)) {
    ++retiring_;
    outage_.opened_of_old();
  } else {
    outage_.opened();
  }
  member.jitter_ = jitter_.next();
  member.opened_at_ = now;
  member.proven_at_ = now;
  set_expiry(member);
  Deliveries deliveries;
  settle(now, deliveries);
  return deliveries;
}

Deliveries PoolState::open_failed(TimePoint now, OpenFailure failure) {
  assert(opening_ > 0);
  --opening_;
  free_slot();
  outage_.failed(now, failure, opening_, jitter_);
  Deliveries deliveries;
  settle(now, deliveries);
  return deliveries;
}

PoolState::Answer PoolState::open_again(Waiter& waiter, TimePoint now, OpenFailure failure) {
  assert(opening_ > 0);
  --opening_;
  free_slot();
  outage_.failed(now, failure, opening_, jitter_);
  Answer answer{Down{}, {}};
  if (closed_ || limits_.connect_retry_min > Duration(0)) {
    answer.decision = ask(waiter, now, true);
  }
  settle(now, answer.deliveries);
  return answer;
}

PoolState::Answer PoolState::replace(Member& member, Waiter& waiter, TimePoint now, bool ended) {
  taken_back(member);
  Answer answer;
  if (!closed_ && may_open(now)) {
    ++opening_;
    answer.decision = Open{ended ? nullptr : &member, CloseReason::validation};
    settle(now, answer.deliveries);
    return answer;
  }
  if (ended) {
    free_slot();
  } else {
    begin_closing();
  }
  answer.decision = ask(waiter, now, true);
  settle(now, answer.deliveries);
  return answer;
}

bool PoolState::needs_ping(const Member& member, TimePoint now) const {
  const bool stale = limits_.pre_ping && now - member.proven_at_ >= limits_.pre_ping_idle;
  return stale || member.proven_at_ <= distrusted_at_;
}

bool PoolState::may_open(TimePoint now) const {
  if (paused_) {
    return false;
  }
  if (limits_.max_connecting != 0 && opening_ >= limits_.max_connecting) {
    return false;
  }
  return !outage_.down() || (opening_ == 0 && now >= outage_.retry_at());
}

bool PoolState::may_grow(TimePoint since, TimePoint now) const {
  const std::size_t count = existing();
  return count < keep_ || (count < bound_ && now - since >= limits_.overflow_delay);
}

bool PoolState::open_for(const Waiter& waiter, Member* expired, TimePoint now, Open& open) {
  denied_by_ = nullptr;
  if (!may_open(now)) {
    return false;
  }
  if (expired == nullptr && may_grow(waiter.since_, now) && take_budgets()) {
    ++opening_;
    open = {};
    return true;
  }
  Member* victim = expired != nullptr ? expired : lanes_.coldest();
  if (victim == nullptr) {
    return false;
  }
  open = in_place_of(*victim, now);
  return true;
}

Open PoolState::in_place_of(Member& member, TimePoint now) {
  lanes_.remove_idle(member);
  ++opening_;
  return {&member, now >= member.expires_at_ ? CloseReason::lifetime : CloseReason::evicted};
}

// Slots for those who wait, the first first: where it gets none, nobody after it could.
void PoolState::settle(TimePoint now, Deliveries& deliveries) {
  if (closed_ || paused_ || lanes_.waiting() == 0) {
    drop_claim();
    return;
  }
  for (Open open; Waiter* first = lanes_.first_waiting();) {
    if (!open_for(*first, nullptr, now, open)) {
      break;
    }
    pop(*first, open, deliveries);
  }
  if (hopeless(now)) {
    refuse_waiting(Down{}, deliveries);
  }
  if (lanes_.waiting() == 0 || denied_by_ == nullptr) {
    drop_claim();
  } else {
    claim_budget(now);
  }
}

void PoolState::pop(Waiter& waiter, Decision decision, Deliveries& deliveries) {
  lanes_.remove_waiting(waiter);
  deliveries.add(waiter, decision);
}

void PoolState::refuse_waiting(Decision decision, Deliveries& deliveries) {
  while (Waiter* waiter = lanes_.first_waiting()) {
    pop(*waiter, decision, deliveries);
  }
}

// All of them or none.
bool PoolState::take_budgets() {
  denied_by_ = nullptr;
  for (Budget* budget : budgets_) {
    if (!budget->take(*this)) {
      denied_by_ = budget;
      break;
    }
  }
  for (Budget* budget : budgets_) {
    if (denied_by_ == nullptr) {
      continue;
    }
    if (budget == denied_by_) {
      break;
    }
    budget->give_back();
    unbalanced_ = true;
  }
  if (denied_by_ == nullptr) {
    drop_claim();  // the next slot is for who claims after us
  }
  return denied_by_ == nullptr;
}

void PoolState::claim_budget(TimePoint now) {
  if (claimed_ == denied_by_) {
    return;
  }
  drop_claim();
  claimed_ = denied_by_;
  claimed_->claim(*this, now);
  unbalanced_ = true;
}

void PoolState::drop_claim() {
  if (claimed_ != nullptr) {
    claimed_->drop_claim(*this);
    claimed_ = nullptr;
    unbalanced_ = true;
  }
}

void PoolState::begin_closing() {
  ++closing_;
  for (Budget* budget : budgets_) {
    budget->closing(+1);
  }
}

void PoolState::free_slot() {
  for (Budget* budget : budgets_) {
    budget->give_back();
    unbalanced_ = true;
  }
}

bool PoolState::claimed_by_others(TimePoint now) const {
  return std::any_of(budgets_.begin(), budgets_.end(), [&](const Budget* budget) {
    return budget->overdue(*this, lanes_.first_waiting()->since_, now);
  });
}

bool PoolState::take_unbalanced() {
  return std::exchange(unbalanced_, false);
}

TimePoint PoolState::coldest_idle() const {
  const Member* member = lanes_.coldest();
  return member != nullptr ? member->idle_since_ : TimePoint::max();
}

bool PoolState::evict_coldest() {
  Member* member = lanes_.coldest();
  if (member == nullptr) {
    return false;
  }
  close_idle(*member, CloseReason::evicted);
  return true;
}

}  // namespace sluice::pool
