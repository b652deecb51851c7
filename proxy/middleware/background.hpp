#pragma once

// Work that must not delay a reply: one thread, a bounded queue, and a count of what did not fit.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace sluice::proxy::middleware {

class Background {
 public:
  explicit Background(std::size_t capacity);
  // Does what is queued, then ends.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // From any thread; never blocks for longer than the queue's lock. False: it was full.
  bool post(std::function<void()> work);
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  // Returns when all that was queued before it is done.
  void drain();

 private:
  void run();

  const std::size_t capacity_;
  std::atomic<std::uint64_t> dropped_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::deque<std::function<void()>> queue_;
  bool busy_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace sluice::proxy::middleware
