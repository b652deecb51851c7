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
    : name_(std::move(name)), budgets_(std::move(budgets)) {
  std::vector<Budget*> shared;
  for (const auto& budget : budgets_) {
    shared.push_back(budget.get());
  }
  state_ = std::make_unique<PoolState>(limits, std::move(shared));
  for (const auto& budget : budgets_) {
    budget->enlist(*this);
  }
}

Pool::~Pool() {
  for (const auto& budget : budgets_) {
    budget->strike(*this);
  }
  state_.reset();
  for (const auto& budget : budgets_) {
    budget->balance();
  }
}

template <typename Decide>
auto Pool::locked(Decide decide) {
  std::unique_lock lock(mutex_);
  auto result = decide(*state_);
  const bool unbalanced = state_->take_unbalanced();
  lock.unlock();
  if (unbalanced) {
    for (const auto& budget : budgets_) {
      budget->balance();
    }
  }
  return result;
}

Decision Pool::acquire(Waiter& waiter, const Ask& ask, TimePoint now) {
  return locked([&](PoolState& state) { return state.acquire(waiter, ask, now); });
}

bool Pool::withdraw(Waiter& waiter) {
  return locked([&](PoolState& state) { return state.withdraw(waiter); });
}

void Pool::opened(Member& member, TimePoint now) {
  locked([&](PoolState& state) { return state.opened(member, now); }).deliver();
}

void Pool::open_failed(TimePoint now, OpenFailure failure) {
  locked([&](PoolState& state) { return state.open_failed(now, failure); }).deliver();
}

Decision Pool::open_again(Waiter& waiter, TimePoint now, OpenFailure failure) {
  auto answer = locked([&](PoolState& state) { return state.open_again(waiter, now, failure); });
  answer.deliveries.deliver();
  return answer.decision;
}

Decision Pool::replace(Member& member, Waiter& waiter, TimePoint now, bool ended) {
  auto answer = locked([&](PoolState& state) { return state.replace(member, waiter, now, ended); });
  answer.deliveries.deliver();
  return answer.decision;
}

Pool::Returned Pool::release(Member& member, TimePoint now) {
  auto released = locked([&](PoolState& state) { return state.release(member, now); });
  released.deliveries.deliver();
  return released.returned;
}

void Pool::forget(Member& member, TimePoint now, bool ended) {
  locked([&](PoolState& state) { return state.forget(member, now, ended); }).deliver();
}

bool Pool::lost(Member& member, TimePoint now) {
  auto lost = locked([&](PoolState& state) { return state.lost(member, now); });
  lost.deliveries.deliver();
  return lost.forgotten;
}

void Pool::closed(TimePoint now) {
  locked([&](PoolState& state) { return state.closed(now); }).deliver();
}

void Pool::distrust(TimePoint now) {
  const std::lock_guard lock(mutex_);
  state_->distrust(now);
}

void Pool::proven(Member& member, TimePoint now) {
  PoolState::proven(member, now);
}

Tick Pool::tick(TimePoint now) {
  auto ticked = locked([&](PoolState& state) { return state.tick(now); });
  ticked.deliveries.deliver();
  return std::move(ticked.todo);
}

TimePoint Pool::next_tick(TimePoint now) const {
  const std::lock_guard lock(mutex_);
  return state_->next_tick(now);
}

void Pool::on_tick_wanted(std::function<void()> hook) {
  const std::lock_guard lock(mutex_);
  tick_wanted_ = std::move(hook);
}

std::function<void()> Pool::tick_wanted() const {
  const std::lock_guard lock(mutex_);
  return tick_wanted_;
}

TimePoint Pool::coldest_idle() const {
  const std::lock_guard lock(mutex_);
  return state_->coldest_idle();
}

bool Pool::evict_coldest() {
  const std::lock_guard lock(mutex_);
  return state_->evict_coldest();
}

void Pool::set_limits(const Limits& limits, TimePoint now) {
  locked([&](PoolState& state) { return state.set_limits(limits, now); }).deliver();
  want_tick();
}

void Pool::retire(CloseReason reason, TimePoint now) {
  locked([&](PoolState& state) {
    era_.fetch_add(1, std::memory_order_acq_rel);
    return state.retire(reason, now);
  }).deliver();
  want_tick();
}

void Pool::pause(TimePoint now) {
  locked([&](PoolState& state) {
    state.pause(now);
    return true;
  });
  want_tick();
}

void Pool::resume(TimePoint now) {
  locked([&](PoolState& state) { return state.resume(now); }).deliver();
  want_tick();
}

bool Pool::paused() const {
  const std::lock_guard lock(mutex_);
  return state_->paused();
}

Duration Pool::paused_for(TimePoint now) const {
  const std::lock_guard lock(mutex_);
  return state_->paused_for(now);
}

void Pool::want_tick() const {
  if (const std::function<void()> hook = tick_wanted()) {
    hook();
  }
}

Limits Pool::limits() const {
  const std::lock_guard lock(mutex_);
  return state_->limits();
}

std::vector<Member*> Pool::shut_down(CloseReason reason) {
  auto result = locked([&](PoolState& state) { return state.shut_down(reason); });
  result.deliveries.deliver();
  return std::move(result.members);
}

Snapshot Pool::snapshot(TimePoint now) const {
  const std::lock_guard lock(mutex_);
  return state_->snapshot(now);
}

}  // namespace sluice::pool
