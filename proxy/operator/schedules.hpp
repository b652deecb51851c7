#pragma once

// Does what the schedules of the configuration want, when they want it, by way of the Operator. A
// timer of one worker says when to look; what there is to do is done on a thread that may wait. The
// sizes that are in force it puts into what the server starts with, and into what is reloaded.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "metrics/registry.hpp"
#include "proxy/loop.hpp"
#include "proxy/operator/operator.hpp"
#include "proxy/operator/timetable.hpp"

namespace sluice::proxy {
class Server;
}

namespace sluice::proxy::op {

class Schedules {
 public:
  using WallClock = std::function<WallTime()>;

  // All of them outlive this. `one_change` is held while the configuration changes.
  Schedules(Server& server, Operator& house, std::mutex& one_change, metrics::Registry& registry,
            WallClock clock = &std::chrono::system_clock::now);
  Schedules(const Schedules&) = delete;
  Schedules& operator=(const Schedules&) = delete;

  // Before Server::start(): takes the schedules of its configuration.
  void begin();
  // After Server::start(): from now on each comes at its time, until stop(), which must be called
  // before Server::join(), which must be before the end of this.
  void start();
  void stop();

  // For a reload, with one_change held: the sizes that are in force go into `next`. What it returns
  // takes the schedules of `next` when that has come into force.
  std::function<void()> adapt(config::Config& next);

  std::vector<ScheduleView> views() const;

  // Does what has come since the last look. Not on a worker's thread.
  void look();

 private:
  Moment now() const { return std::chrono::floor<std::chrono::seconds>(clock_()); }
  protocol::Status act(const config::Schedule& schedule, const config::schedule::Sizes& sizes);
  void run(const Timetable::Due& due);
  void take(Timetable table);
  void tell_next();
  // On the thread of the timer's loop.
  void arm();
  void wake();

  Server& server_;
  Operator& house_;
  std::mutex& one_change_;
  metrics::Registry& registry_;
  const WallClock clock_;
  std::atomic<bool> running_{false};
  std::unique_ptr<Timer> timer_;  // of the first worker's loop
  bool looking_ = false;          // on that thread: a look is under way, which arms it again

  mutable std::mutex mutex_;  // of what follows; taken after one_change_
  Timetable table_;
};

}  // namespace sluice::proxy::op
