#include "proxy/loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

#include "proxy/ring.hpp"

namespace sluice::proxy {
namespace {

constexpr int kEventsPerTurn = 256;
thread_local const Loop* current_loop = nullptr;

}  // namespace

Loop::Loop(Poller poller) : now_(Clock::now()) {
  const auto check = [](bool ok) {
    if (!ok) {
      throw std::system_error(errno, std::generic_category(), "cannot create an event loop");
    }
  };
  wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  check(wake_fd_ >= 0);
  if (poller == Poller::io_uring) {
    ring_ = std::make_unique<Ring>(buffers_);
  } else {
    epoll_fd_ = ::epoll_create1(EPOLL_CLOEXEC);
    check(epoll_fd_ >= 0);
  }
  check(watch(wake_fd_, waker_));
}

Loop::~Loop() {
  ring_.reset();
  ::close(wake_fd_);
  if (epoll_fd_ >= 0) {
    ::close(epoll_fd_);
  }
}

bool Loop::on_this_thread() const {
  return current_loop == this;
}

void Loop::run() {
  current_loop = this;
  if (ring_) {
    ring_->start();
  }
  while (!stopped_) {
    wait_for_events();
    fire_timers();
    run_ready();
    run_calls();
  }
  stopped_ = false;
  current_loop = nullptr;
}

// How long nothing has to be done; nothing: until something happens.
std::optional<Duration> Loop::timeout() const {
  if (!ready_.empty() || !later_.empty() || !own_calls_.empty()) {
    return Duration::zero();
  }
  if (timers_.empty()) {
    return std::nullopt;
  }
  auto left = timers_.begin()->first - Clock::now();
  return std::clamp<Duration>(left, Duration::zero(), std::chrono::minutes(1));
}

void Loop::wait_for_events() {
  auto most = timeout();
  ready_.insert(ready_.end(), later_.begin(), later_.end());
  later_.clear();
  if (ring_) {
    ring_->wait(most);
    now_ = Clock::now();
    ring_->dispatch();
  } else {
    poll_events(most);
  }
}

void Loop::poll_events(std::optional<Duration> most) {
  const auto ms = most ? std::chrono::ceil<std::chrono::milliseconds>(*most).count() : -1;
  std::array<epoll_event, kEventsPerTurn> events;
  int count = ::epoll_wait(epoll_fd_, events.data(), kEventsPerTurn, static_cast<int>(ms));
  now_ = Clock::now();
  batch_.clear();
  for (int i = 0; i < count; ++i) {
    batch_.push_back(static_cast<Watched*>(events[static_cast<std::size_t>(i)].data.ptr));
  }
  for (int i = 0; i < count; ++i) {
    if (Watched* watched = batch_[static_cast<std::size_t>(i)]; watched != nullptr) {
      watched->on_events(events[static_cast<std::size_t>(i)].events);
    }
  }
  batch_.clear();
}

void Loop::fire_timers() {
  // Those that are due now: one that is re-armed for now has its turn in the next round.
  auto due = std::distance(timers_.begin(), timers_.upper_bound(now_));
  for (; due > 0 && !timers_.empty() && timers_.begin()->first <= now_; --due) {
    Timer* timer = timers_.begin()->second;
    timers_.erase(timers_.begin());
    timer->place_.reset();
    auto callback = std::move(timer->callback_);
    callback();
  }
}

void Loop::run_ready() {
  while (!ready_.empty()) {
    running_.swap(ready_);
    for (auto coroutine : running_) {
      coroutine.resume();
    }
    running_.clear();
  }
}

void Loop::run_calls() {
  std::vector<std::function<void()>> calls;
  {
    std::lock_guard lock(calls_mutex_);
    calls.swap(calls_);
  }
  std::move(own_calls_.begin(), own_calls_.end(), std::back_inserter(calls));
  own_calls_.clear();
  for (auto& function : calls) {
    function();
  }
  run_ready();
}

void Loop::call(std::function<void()> function) {
  if (on_this_thread()) {
    own_calls_.push_back(std::move(function));
    return;
  }
  bool first = false;
  {
    std::lock_guard lock(calls_mutex_);
    first = calls_.empty();
    calls_.push_back(std::move(function));
  }
  if (first) {
    std::uint64_t one = 1;
    // An eventfd is full only after 2^64 - 1 unread wake-ups: it cannot be.
    [[maybe_unused]] auto written = ::write(wake_fd_, &one, sizeof one);
  }
}

bool Loop::watch(int fd, Watched& watched) {
  constexpr std::uint32_t kEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP;
  if (ring_) {
    return ring_->watch(watched.watch_, fd, watched, kEvents, true);
  }
  epoll_event event{};
  event.events = kEvents | EPOLLET;
  event.data.ptr = &watched;
  return ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Loop::unwatch(int fd, Watched& watched) {
  if (ring_) {
    ring_->drop(watched.watch_);
    return;
  }
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  std::replace(batch_.begin(), batch_.end(), &watched, static_cast<Watched*>(nullptr));
}

void Timer::arm(TimePoint when, std::function<void()> callback) {
  cancel();
  callback_ = std::move(callback);
  // Not in the turn that is running: one that arms itself again would keep the others from running.
  place_ = loop_->timers_.emplace(std::max(when, loop_->now_ + Duration(1)), this);
}

void Timer::cancel() {
  if (place_) {
    loop_->timers_.erase(*place_);
    place_.reset();
  }
}

void Signal::set() {
  set_ = true;
  if (waiter_) {
    loop_->ready(std::exchange(waiter_, {}));
  }
}

}  // namespace sluice::proxy
