#include "pool/budget.hpp"

#include <algorithm>
#include <cassert>
#include <functional>

namespace sluice::pool {
namespace {

// With no lock held.
void call(const std::vector<std::function<void()>>& hooks) {
  for (const auto& hook : hooks) {
    if (hook) {
      hook();
    }
  }
}

}  // namespace

std::size_t Budget::limit() const {
  const std::lock_guard lock(mutex_);
  return limit_;
}

std::size_t Budget::used() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

bool Budget::take(const PoolState& taker) {
  const std::lock_guard lock(mutex_);
  if (used_ >= limit_ || (!claims_.empty() && claims_.front().claimant != &taker)) {
    return false;
  }
  ++used_;
  return true;
}

void Budget::give_back(std::size_t units) {
  const std::lock_guard lock(mutex_);
  assert(used_ >= units);
  used_ -= units;
  if (used_ <= limit_) {
    shrunk_.store(false, std::memory_order_relaxed);
  }
}

bool Budget::over() const {
  if (!shrunk_.load(std::memory_order_relaxed)) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  return static_cast<std::ptrdiff_t>(used_) - closing_ > static_cast<std::ptrdiff_t>(limit_);
}

void Budget::set_limit(std::size_t limit) {
  {
    const std::lock_guard lock(mutex_);
    limit_ = limit;
    shrunk_.store(used_ > limit_, std::memory_order_relaxed);
    for (Claim& claim : claims_) {
      claim.served = false;
    }
  }
  std::vector<std::function<void()>> hooks;
  {
    const std::lock_guard lock(pools_mutex_);
    while (over()) {
      Pool* coldest = coldest_pool(nullptr);
      if (coldest == nullptr || !coldest->evict_coldest()) {
        break;
      }
      hooks.push_back(coldest->tick_wanted());
    }
  }
  call(hooks);
  balance();
}

void Budget::claim(const PoolState& claimant, TimePoint now) {
  const std::lock_guard lock(mutex_);
  claims_.push_back({&claimant, now});
  claim_count_.store(claims_.size(), std::memory_order_relaxed);
}

void Budget::drop_claim(const PoolState& claimant) {
  const std::lock_guard lock(mutex_);
  std::erase_if(claims_, [&](const Claim& claim) { return claim.claimant == &claimant; });
  claim_count_.store(claims_.size(), std::memory_order_relaxed);
}

void Budget::closing(std::ptrdiff_t change) {
  const std::lock_guard lock(mutex_);
  closing_ += change;
}

bool Budget::overdue(const PoolState& holder, TimePoint since, TimePoint now) const {
  if (claim_count_.load(std::memory_order_relaxed) == 0) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  if (claims_.empty() || static_cast<std::ptrdiff_t>(claims_.size()) <= closing_) {
    return false;
  }
  const Claim& first = claims_.front();
  return first.claimant != &holder && first.since < since && now - first.since > kPatience;
}

void Budget::enlist(Pool& pool) {
  const std::lock_guard lock(pools_mutex_);
  pools_.push_back(&pool);
}

void Budget::strike(Pool& pool) {
  const std::lock_guard lock(pools_mutex_);
  std::erase(pools_, &pool);
}

// The claimant whose turn it is to take a free unit, if it has not been asked yet.
const PoolState* Budget::next_served() {
  const std::lock_guard lock(mutex_);
  if (claims_.empty() || used_ >= limit_ || claims_.front().served) {
    return nullptr;
  }
  claims_.front().served = true;
  return claims_.front().claimant;
}

const PoolState* Budget::short_of_units() const {
  const std::lock_guard lock(mutex_);
  const auto coming = static_cast<std::size_t>(std::max<std::ptrdiff_t>(closing_, 0)) +
                      (limit_ > used_ ? limit_ - used_ : 0);
  return claims_.size() > coming ? claims_[coming].claimant : nullptr;
}

void Budget::balance() {
  if (claim_count_.load(std::memory_order_relaxed) == 0) {
    return;
  }
  std::vector<std::function<void()>> hooks;
  {
    const std::lock_guard lock(pools_mutex_);
    while (const PoolState* claimant = next_served()) {
      for (Pool* pool : pools_) {
        if (pool->state_.get() == claimant) {
          hooks.push_back(pool->tick_wanted());
        }
      }
    }
    while (const PoolState* claimant = short_of_units()) {
      Pool* coldest = coldest_pool(claimant);
      if (coldest == nullptr || !coldest->evict_coldest()) {
        break;
      }
      hooks.push_back(coldest->tick_wanted());
    }
  }
  call(hooks);
}

// Whose idle member is to go first, but for the claimant's. With pools_mutex_ held.
Pool* Budget::coldest_pool(const PoolState* claimant) const {
  Pool* coldest = nullptr;
  TimePoint since = TimePoint::max();
  for (Pool* pool : pools_) {
    if (pool->state_.get() == claimant) {
      continue;
    }
    if (const TimePoint idle_since = pool->coldest_idle(); idle_since < since) {
      since = idle_since;
      coldest = pool;
    }
  }
  return coldest;
}

}  // namespace sluice::pool
