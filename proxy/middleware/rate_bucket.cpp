#include "proxy/middleware/rate_bucket.hpp"

#include <algorithm>
#include <vector>

namespace sluice::proxy::middleware {
namespace {

constexpr std::size_t kFewest = 1024;  // below it nothing is looked through

bool in_use(const std::shared_ptr<Bucket>& bucket) {
  return bucket.use_count() > 1;
}

}  // namespace

std::optional<Bucket::Duration> Bucket::take(const Rate& rate, TimePoint now, Duration most) {
  const auto time = std::chrono::duration_cast<Duration>(now.time_since_epoch());
  auto seen = full_at_.load(std::memory_order_relaxed);
  for (;;) {
    const Duration turn = std::max(Duration(seen), time);
    const Duration wait = std::max(turn - rate.tolerance - time, Duration{0});
    if (wait > most) {
      return std::nullopt;
    }
    if (full_at_.compare_exchange_weak(seen, (turn + rate.interval).count(),
                                       std::memory_order_relaxed)) {
      return wait;
    }
  }
}

std::shared_ptr<Bucket> Buckets::of(const std::string& key, TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (const auto found = buckets_.find(key); found != buckets_.end()) {
    return found->second;
  }
  if (buckets_.size() >= sweep_at_) {
    sweep(now);
    sweep_at_ = 2 * std::max(buckets_.size(), kFewest);
  }
  return buckets_.emplace(key, std::make_shared<Bucket>()).first->second;
}

std::size_t Buckets::size() const {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

void Buckets::sweep(TimePoint now) {
  drop_until(now);
  std::vector<TimePoint> unused;
  for (const auto& [key, bucket] : buckets_) {
    if (!in_use(bucket)) {
      unused.push_back(bucket->full_at());
    }
  }
  if (unused.size() > kMostUnused) {  // the fuller half: they are forgiven the least
    const auto middle = unused.begin() + static_cast<std::ptrdiff_t>(unused.size() / 2);
    std::nth_element(unused.begin(), middle, unused.end());
    drop_until(*middle);
  }
}

// Nobody can begin to use one meanwhile: that takes the lock.
void Buckets::drop_until(TimePoint full_at) {
  std::erase_if(buckets_, [&](const Map::value_type& entry) {
    return !in_use(entry.second) && entry.second->full_at() <= full_at;
  });
}

}  // namespace sluice::proxy::middleware
