#pragma once

// One worker = one thread = one loop. Sessions stay on the worker that they were given to.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <set>
#include <thread>

#include "metrics/instruments.hpp"
#include "protocol/conversation.hpp"
#include "protocol/login.hpp"
#include "protocol/shared_values.hpp"
#include "proxy/loop.hpp"
#include "proxy/middleware/chain.hpp"
#include "proxy/middleware/statement_table.hpp"
#include "proxy/task.hpp"

namespace sluice::proxy {

class Backend;
class Server;
class Session;

// What the time is for middleware: that of the loop, and of the clock on the wall, which is read
// once a second and reckoned on from there.
class LoopTime final : public middleware::TimeSource {
 public:
  explicit LoopTime(const Loop& loop) : loop_(loop) {}
  middleware::Now now() const override {
    const TimePoint steady = loop_.now();
    if (steady >= read_again_at_) {
      read_at_ = steady;
      read_again_at_ = steady + std::chrono::seconds(1);
      wall_ = std::chrono::system_clock::now();
    }
    return {steady, wall_ + std::chrono::duration_cast<std::chrono::system_clock::duration>(
                                steady - read_at_)};
  }

 private:
  const Loop& loop_;
  mutable TimePoint read_at_{};
  mutable TimePoint read_again_at_{};
  mutable std::chrono::system_clock::time_point wall_{};
};

class Worker {
 public:
  Worker(Server& owner, std::uint32_t number, metrics::WorkerInstruments& counters, Poller poller)
      : server(owner), index(number), instruments(counters), loop(poller) {}

  void start();
  // From any thread; returns when the thread has ended.
  void stop();

  Server& server;
  const std::uint32_t index;
  metrics::WorkerInstruments& instruments;
  Loop loop;
  const LoopTime time{loop};
  // Read by the acceptor, which picks the worker with the fewest.
  std::atomic<std::size_t> session_count{0};
  // On this worker's thread only. Sessions add and remove themselves.
  std::set<Session*> sessions;
  std::set<Backend*> backends;  // those that live here, from their login until their end
  protocol::SharedValues<protocol::ClientLogin> logins;  // of the sessions
  // Those that are not a route's own.
  protocol::SharedValues<protocol::SessionDefaults> defaults;
  // What statement_statistics has counted.
  middleware::StatementTable statements{instruments.fingerprints, instruments.fingerprints_evicted};
  // A session has come, or the limits are others now. The sweep for limits runs while there is any
  // session, and only with limits set.
  void start_sweep();

 private:
  void sweep();
  void arm_sweep(Duration every);

  // Due every second, however busy the loop is: how late it is, is what everything else waits.
  void expect_heartbeat(TimePoint due);
  void heartbeat(TimePoint due);

  Timer sweep_timer_{loop};
  TimePoint sweep_at_{};
  Timer heartbeat_timer_{loop};
  std::thread thread_;
};

}  // namespace sluice::proxy
