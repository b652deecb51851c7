#pragma once

// The loop of one worker: readiness of its sockets (edge-triggered, one registration for the life
// of a socket), timers, coroutines that are ready, calls from other threads. One thread runs it;
// only call() may be used from another. It waits in epoll_wait(2) or in its io_uring (ring.hpp),
// never in both.

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/buffers.hpp"

namespace sluice::proxy {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

// A descriptor whose readiness is wanted. It must stay where it is between watch() and unwatch().
class Watched {
 public:
  virtual ~Watched() = default;
  // EPOLLIN, EPOLLOUT, EPOLLRDHUP... as epoll_wait reported them. It may only set flags and call
  // Loop::ready(): nothing runs inside it.
  virtual void on_events(std::uint32_t events) = 0;

 private:
  friend class Loop;
  struct RingOp* watch_ = nullptr;  // where the loop has a ring
};

class Ring;

// What a loop waits in.
enum class Poller : std::uint8_t { epoll, io_uring };

class Loop {
 public:
  // Throws std::system_error; io_uring where Ring::unavailable() says nothing.
  explicit Loop(Poller poller = Poller::epoll);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop() was called, on this thread. May be called again then.
  void run();
  void stop() { stopped_ = true; }
  // As of the start of this turn: exact enough for timeouts, free to read.
  TimePoint now() const { return now_; }
  bool on_this_thread() const;

  // False when the kernel has no room for it (see epoll_ctl(2): ENOSPC, ENOMEM).
  [[nodiscard]] bool watch(int fd, Watched& watched);
  void unwatch(int fd, Watched& watched);

  // Resumed in this turn, after those that are ready already.
  void ready(std::coroutine_handle<> coroutine) { ready_.push_back(coroutine); }
  // Resumed in the next turn: for one who has more to do, but has had its share.
  void later(std::coroutine_handle<> coroutine) { later_.push_back(coroutine); }
  // From any thread: runs on the loop's thread, in order, when no coroutine is ready.
  void call(std::function<void()> function);

  Buffers& buffers() { return buffers_; }
  // Null with epoll.
  Ring* ring() { return ring_.get(); }

 private:
  friend class Timer;
  using Timers = std::multimap<TimePoint, class Timer*>;
  // The eventfd that wakes it needs nothing more than that.
  struct Waker final : Watched {
    void on_events(std::uint32_t /*events*/) override {}
  };

  std::optional<Duration> timeout() const;
  void wait_for_events();
  void poll_events(std::optional<Duration> most);
  void fire_timers();
  void run_ready();
  void run_calls();

  int epoll_fd_ = -1;  // -1 with a ring
  int wake_fd_ = -1;
  Waker waker_;
  bool stopped_ = false;
  TimePoint now_;
  Timers timers_;
  std::vector<std::coroutine_handle<>> ready_;
  std::vector<std::coroutine_handle<>> running_;
  std::vector<std::coroutine_handle<>> later_;
  std::vector<Watched*> batch_;  // of the events being dispatched; unwatch() clears its own
  std::mutex calls_mutex_;
  std::vector<std::function<void()>> calls_;
  std::vector<std::function<void()>> own_calls_;  // from this thread: no lock, no wake-up
  Buffers buffers_;
  std::unique_ptr<Ring> ring_;
};

// One-shot timer. The callback runs on the loop's thread and may re-arm or destroy the timer.
class Timer {
 public:
  explicit Timer(Loop& loop) : loop_(&loop) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void arm(TimePoint when, std::function<void()> callback);
  void cancel();
  bool armed() const { return place_.has_value(); }

 private:
  friend class Loop;
  Loop* loop_;
  std::function<void()> callback_;
  std::optional<Loop::Timers::iterator> place_;
};

// Something happens once in a while and at most one coroutine waits for it. A set() that nobody
// waits for is remembered for the next wait.
class Signal {
 public:
  explicit Signal(Loop& loop) : loop_(&loop) {}

  void set();
  void clear() { set_ = false; }
  bool waiting() const { return static_cast<bool>(waiter_); }
  // The loop that its waiter runs on, when its owner moves to another worker. Nobody may wait.
  void move_to(Loop& loop) { loop_ = &loop; }

  // co_await signal.wait(): returns when set, and clears it.
  auto wait() {
    struct Awaiter {
      Signal& signal;
      bool await_ready() noexcept { return signal.set_; }
      void await_suspend(std::coroutine_handle<> waiter) { signal.waiter_ = waiter; }
      void await_resume() { signal.set_ = false; }
    };
    return Awaiter{*this};
  }
  // co_await signal.wait_until(deadline): false when the deadline came first.
  auto wait_until(TimePoint deadline) {
    struct Awaiter {
      Signal& signal;
      TimePoint deadline;
      Timer timer;
      bool await_ready() noexcept { return signal.set_; }
      void await_suspend(std::coroutine_handle<> waiter) {
        signal.waiter_ = waiter;
        timer.arm(deadline, [this] {
          if (signal.waiter_) {
            signal.loop_->ready(std::exchange(signal.waiter_, {}));
          }
        });
      }
      bool await_resume() { return std::exchange(signal.set_, false); }
    };
    return Awaiter{*this, deadline, Timer(*loop_)};
  }

 private:
  Loop* loop_;
  bool set_ = false;
  std::coroutine_handle<> waiter_;
};

}  // namespace sluice::proxy
