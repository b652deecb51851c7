#include "pool/pool.hpp"

#include <array>
#include <cassert>
#include <utility>

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

Pool::Pool(std::string name, Limits limits)
    : name_(std::move(name)), limits_(limits), state_(std::make_unique<PoolState>(limits)) {}

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

void Pool::open_failed(TimePoint now) {
  Handoff handoff;
  {
    const std::lock_guard lock(mutex_);
    handoff = state_->open_failed(now);
  }
  tell(handoff);
}

void Pool::replace(Member& member) {
  const std::lock_guard lock(mutex_);
  state_->replace(member);
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

void Pool::forget(Member& member, TimePoint now) {
  Handoff handoff;
  {
    const std::lock_guard lock(mutex_);
    handoff = state_->forget(member, now);
  }
  tell(handoff);
}

bool Pool::lost(Member& member, TimePoint /*now*/) {
  const std::lock_guard lock(mutex_);
  return state_->lost(member);
}

std::vector<Member*> Pool::retire(TimePoint now) {
  const std::lock_guard lock(mutex_);
  return state_->retire(now);
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
