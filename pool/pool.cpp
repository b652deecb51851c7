#include "pool/pool.hpp"

#include <array>
#include <cassert>
#include <utility>

#include "pool/budget.hpp"
#include "pool/pool_state.hpp"

namespace sluice::pool {
namespace {

// In the order of the enum.
constexpr std::array<const char*, static_cast<std::size_t>(CloseReason::count_)> kCloseReasons{
    "idle",   "lifetime", "validation", "error",   "overflow",
    "reload", "drain",    "admin",      "evicted", "reset_failed"};

// Never under the lock: a waiter takes the locks of its worker.
void tell(const Handoff& handoff) {
  if (handoff.waiter != nullptr) {
    handoff.waiter->deliver(handoff.decision);
  }
}

}  // namespace

const char* close_reason_label(CloseReason reason) {
  return kCloseReasons.at(static_cast<std::size_t>(reason));
}

Member::~Member() {
  assert(!idle_);
}

Waiter::~Waiter() {
  assert(!queued_);
}

Pool::Pool(std::string name, Limits limits, std::vector<std::shared_ptr<Budget>> budgets)
    : name_(std::move(name)),
      limits_(limits),
      budgets_(std::move(budgets)),
      state_(std::make_unique<PoolState>(limits)) {}

Pool::~Pool() = default;

Decision Pool::acquire(Waiter& waiter, const Ask& ask, TimePoint now) {
  const std::lock_guard lock(mutex_);
  return state_->acquire(waiter, ask, now);
}

bool Pool::withdraw(Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  return state_->withdraw(waiter);
}

void Pool::opened(Member& member, TimePoint now) {
  const std::lock_guard lock(mutex_);
  state_->opened(member, now);
}

void Pool::open_failed(TimePoint now, OpenFailure failure) {
  Handoff handoff;
  {
    const std::lock_guard lock(mutex_);
    handoff = state_->open_failed(now, failure);
  }
  tell(handoff);
}

Decision Pool::open_again(Waiter& waiter, TimePoint now, OpenFailure failure) {
  static_cast<void>(waiter);
  open_failed(now, failure);
  return Down{};
}

Decision Pool::replace(Member& member, Waiter& waiter, TimePoint now, bool ended) {
  static_cast<void>(waiter);
  static_cast<void>(now);
  const std::lock_guard lock(mutex_);
  return state_->replace(member, ended);
}

Pool::Returned Pool::release(Member& member, TimePoint now) {
  PoolState::Released released;
  {
    const std::lock_guard lock(mutex_);
    released = state_->release(member, now);
  }
  tell(released.handoff);
  return released.returned;
}

void Pool::forget(Member& member, TimePoint now, bool ended) {
  Handoff handoff;
  {
    const std::lock_guard lock(mutex_);
    handoff = state_->forget(member, now, ended);
  }
  tell(handoff);
}

bool Pool::lost(Member& member, TimePoint /*now*/) {
  const std::lock_guard lock(mutex_);
  return state_->lost(member);
}

void Pool::closed(TimePoint now) {
  Handoff handoff;
  {
    const std::lock_guard lock(mutex_);
    handoff = state_->closed(now);
  }
  tell(handoff);
}

Tick Pool::tick(TimePoint now) {
  const std::lock_guard lock(mutex_);
  return state_->tick(now);
}

TimePoint Pool::next_tick(TimePoint now) const {
  return now + std::chrono::seconds(1);
}

void Pool::on_tick_wanted(std::function<void()> hook) {
  tick_wanted_ = std::move(hook);
}

void Pool::distrust(TimePoint now) {
  const std::lock_guard lock(mutex_);
  state_->distrust(now);
}

void Pool::proven(Member& member, TimePoint now) {
  PoolState::proven(member, now);
}

std::vector<Member*> Pool::shut_down(CloseReason reason) {
  PoolState::ShutDown result;
  {
    const std::lock_guard lock(mutex_);
    result = state_->shut_down(reason);
  }
  for (Waiter* waiter : result.waiters) {
    waiter->deliver(Closed{});
  }
  return std::move(result.members);
}

Snapshot Pool::snapshot(TimePoint now) const {
  const std::lock_guard lock(mutex_);
  return state_->snapshot(now);
}

}  // namespace sluice::pool
