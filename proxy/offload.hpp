#pragma once

// A few threads for the CPU-heavy and blocking parts of logins (PBKDF2, SHA-crypt, RSA, name
// resolution), so that a storm of them does not stall the workers' queries. Thread-safe.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice::proxy {

class Offload {
 public:
  // `queue_limit` bounds what is accepted and not yet begun.
  Offload(std::size_t threads, std::size_t queue_limit);
  // Takes no more, finishes what was accepted, and joins the threads.
  ~Offload();
  Offload(const Offload&) = delete;
  Offload& operator=(const Offload&) = delete;

  // True: `work` runs, then `done` is called once, both on a thread of the pool. Neither may throw,
  // and `done` only posts to its worker. False: the queue is full, neither will run.
  bool submit(std::function<void()> work, std::function<void()> done);

  std::size_t queued() const;

 private:
  struct Job {
    std::function<void()> work;
    std::function<void()> done;
  };

  void run(std::size_t number);

  const std::size_t queue_limit_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sluice::proxy
