#pragma once

// What pools want done when nobody asks for it: idle connections closed, pinged and opened, waits
// that have lasted overflow_delay ended, backends that are down tried again. One timer for all
// pools, on one worker; what it starts runs on all of them.

#include <atomic>
#include <cstdint>

#include "proxy/backend_pool.hpp"
#include "proxy/loop.hpp"

namespace sluice::proxy {

class Server;
class Worker;

class Upkeep {
 public:
  explicit Upkeep(Server& server) : server_(server) {}

  // On the thread of `home`, which must outlive it; stop() on the same.
  void start(Worker& home);
  void stop();

  // From any thread: the pool may have something to do sooner than was known.
  void hurry(const BackendPool& pool, TimePoint now);
  // From any thread: now.
  void run_soon();

 private:
  void run();
  void arm(TimePoint when);
  void look_after(const BackendPoolPtr& pool, TimePoint now);
  Worker& next_worker();

  Server& server_;
  Worker* home_ = nullptr;
  std::unique_ptr<Timer> timer_;
  std::atomic<TimePoint::rep> armed_for_{TimePoint::max().time_since_epoch().count()};
  std::atomic<bool> started_{false};
  std::atomic<bool> soon_{false};
  std::size_t turn_ = 0;
};

}  // namespace sluice::proxy
