#include "proxy/task.hpp"

#include <array>

#include "metrics/log.hpp"

namespace sluice::proxy {
namespace {

constexpr std::size_t kGrain = 64;
constexpr std::size_t kLargest = 2048;
constexpr std::size_t kKeep = 64;  // free frames kept in each size class

struct FreeFrame {
  FreeFrame* next;
};

struct FreeList {
  std::array<FreeFrame*, kLargest / kGrain> heads{};
  std::array<std::size_t, kLargest / kGrain> sizes{};

  ~FreeList() {
    for (FreeFrame* head : heads) {
      while (head != nullptr) {
        ::operator delete(std::exchange(head, head->next));
      }
    }
  }
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kReuseFrames = false;
#else
constexpr bool kReuseFrames = true;
#endif

thread_local FreeList free_frames;

std::size_t size_class(std::size_t size) {
  return (size - 1) / kGrain;
}

}  // namespace

void* FrameCache::allocate(std::size_t size) {
  if (!kReuseFrames || size > kLargest) {
    return ::operator new(size);
  }
  std::size_t index = size_class(size);
  FreeFrame*& head = free_frames.heads[index];
  if (head != nullptr) {
    --free_frames.sizes[index];
    return std::exchange(head, head->next);
  }
  return ::operator new((index + 1) * kGrain);
}

void FrameCache::release(void* frame, std::size_t size) noexcept {
  if (!kReuseFrames || size > kLargest) {
    ::operator delete(frame);
    return;
  }
  std::size_t index = size_class(size);
  if (free_frames.sizes[index] >= kKeep) {
    ::operator delete(frame);
    return;
  }
  ++free_frames.sizes[index];
  auto* free_frame = static_cast<FreeFrame*>(frame);
  free_frame->next = free_frames.heads[index];
  free_frames.heads[index] = free_frame;
}

// The coroutine at the root of each spawned task: nobody awaits it, it destroys itself.
class Root {
 public:
  struct promise_type {
    Root get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() noexcept { std::terminate(); }
  };

  static Root run(Gate& gate, Task<void> task) {
    gate.count_.fetch_add(1, std::memory_order_relaxed);
    try {
      co_await std::move(task);
    } catch (const std::exception& error) {
      metrics::log::error("internal_error", {{"error", error.what()}});
    } catch (...) {
      metrics::log::error("internal_error", {{"error", "unknown exception"}});
    }
    gate.count_.fetch_sub(1, std::memory_order_acq_rel);
  }
};

void spawn(Gate& gate, Task<void> task) {
  Root::run(gate, std::move(task));
}

}  // namespace sluice::proxy
