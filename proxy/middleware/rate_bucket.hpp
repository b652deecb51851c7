#pragma once

// How often something may be done: the generic cell rate algorithm, a token bucket that is one
// number. The number is the time at which the bucket will be full again.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace sluice::proxy::middleware {

struct Rate {
  using Duration = std::chrono::nanoseconds;
  Duration interval{1};  // between two requests; more than 0
  Duration tolerance{};  // how much earlier than its turn a request may come: a burst of N takes
                         // N-1 intervals
};

// From any thread.
class Bucket {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = Rate::Duration;

  // Takes the next turn and says how long it is until then. Empty: that is more than `most`, and
  // no turn was taken.
  std::optional<Duration> take(const Rate& rate, TimePoint now, Duration most);
  // Whether kRoom requests could go at this moment, so that one soon after will not wait. A burst
  // that is smaller never has it.
  static constexpr int kRoom = 16;
  bool has_room(const Rate& rate, TimePoint now) const {
    const auto time = std::chrono::duration_cast<Duration>(now.time_since_epoch());
    const Duration turn = std::max(Duration(full_at_.load(std::memory_order_relaxed)), time);
    return turn - time + kRoom * rate.interval <= rate.tolerance + rate.interval;
  }
  TimePoint full_at() const {
    return TimePoint(Duration(full_at_.load(std::memory_order_relaxed)));
  }

 private:
  std::atomic<Duration::rep> full_at_{0};
};

// A bucket for each user or address. Those that nobody uses any more and that are full again are
// as good as new ones, and are dropped now and then. Of others that nobody uses kMostUnused are
// kept at most, so there are never more than twice those and those in use.
class Buckets {
 public:
  using TimePoint = Bucket::TimePoint;
  static constexpr std::size_t kMostUnused = 65536;

  // From any thread; at logins, not at requests.
  std::shared_ptr<Bucket> of(const std::string& key, TimePoint now);
  std::size_t size() const;

 private:
  using Map = std::unordered_map<std::string, std::shared_ptr<Bucket>>;

  void sweep(TimePoint now);
  void drop_until(TimePoint full_at);

  mutable std::mutex mutex_;
  Map buckets_;
  std::size_t sweep_at_ = 1024;
};

}  // namespace sluice::proxy::middleware
