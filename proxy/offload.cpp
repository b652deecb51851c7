#include "proxy/offload.hpp"

#include <pthread.h>

#include <csignal>
#include <string>
#include <utility>

namespace sluice::proxy {

Offload::Offload(std::size_t threads, std::size_t queue_limit) : queue_limit_(queue_limit) {
  // The threads inherit this mask: the signals of the process are the main thread's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this, i] { run(i); });
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Offload::~Offload() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

bool Offload::submit(std::function<void()> work, std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || threads_.empty() || jobs_.size() >= queue_limit_) {
      return false;
    }
    jobs_.push_back({std::move(work), std::move(done)});
  }
  wake_.notify_one();
  return true;
}

std::size_t Offload::queued() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

void Offload::run(std::size_t number) {
  // At most 15 characters are allowed.
  pthread_setname_np(pthread_self(), ("sluice-cpu-" + std::to_string(number % 1000)).c_str());
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) {
        return;
      }
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job.work();
    job.done();
  }
}

}  // namespace sluice::proxy
