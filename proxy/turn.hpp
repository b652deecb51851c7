#pragma once

// Coroutines of one thread that write to the same peer; each takes its turn, in the order of
// asking.

#include <coroutine>
#include <utility>
#include <vector>

#include "proxy/loop.hpp"

namespace sluice::proxy {

class Turn {
 public:
  explicit Turn(Loop& loop) : loop_(loop) {}

  bool try_take() { return !std::exchange(taken_, true); }
  bool taken() const { return taken_; }
  // co_await take(): returns when it is ours.
  auto take() {
    struct Awaiter {
      Turn& turn;
      bool await_ready() { return turn.try_take(); }
      void await_suspend(std::coroutine_handle<> waiter) { turn.waiters_.push_back(waiter); }
      void await_resume() {}
    };
    return Awaiter{*this};
  }
  // Passes it on to the one who has waited longest.
  void give() {
    if (waiters_.empty()) {
      taken_ = false;
      return;
    }
    loop_.ready(waiters_.front());
    waiters_.erase(waiters_.begin());
  }
  // The one who had it is gone: everybody who waits goes on, to find the peer's stream aborted.
  void break_open() {
    taken_ = false;
    for (auto waiter : std::exchange(waiters_, {})) {
      loop_.ready(waiter);
    }
  }

 private:
  Loop& loop_;
  bool taken_ = false;
  // Rarely more than one: the session, its backend, and the backend before that, which was lost.
  std::vector<std::coroutine_handle<>> waiters_;
};

}  // namespace sluice::proxy
