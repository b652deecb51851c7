#pragma once

// Two coroutines of one thread write to the same peer; each takes its turn, in the order of asking.

#include <coroutine>
#include <utility>

#include "proxy/loop.hpp"

namespace sluice::proxy {

class Turn {
 public:
  explicit Turn(Loop& loop) : loop_(loop) {}

  bool try_take() { return !std::exchange(taken_, true); }
  bool taken() const { return taken_; }
  // co_await take(): returns when it is ours. At most one may wait.
  auto take() {
    struct Awaiter {
      Turn& turn;
      bool await_ready() { return turn.try_take(); }
      void await_suspend(std::coroutine_handle<> waiter) { turn.waiter_ = waiter; }
      void await_resume() {}
    };
    return Awaiter{*this};
  }
  // Passes it on to the one who waits.
  void give() {
    if (waiter_) {
      loop_.ready(std::exchange(waiter_, {}));
    } else {
      taken_ = false;
    }
  }

 private:
  Loop& loop_;
  bool taken_ = false;
  std::coroutine_handle<> waiter_;
};

}  // namespace sluice::proxy
