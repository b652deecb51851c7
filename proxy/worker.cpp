#include "proxy/worker.hpp"

#include <pthread.h>

#include <string>

#include "proxy/server.hpp"
#include "proxy/session.hpp"

namespace sluice::proxy {

namespace {

constexpr auto kHeartbeat = std::chrono::seconds(1);

}  // namespace

void Worker::start() {
  expect_heartbeat(Clock::now() + kHeartbeat);
  thread_ = std::thread([this] { loop.run(); });
  pthread_setname_np(thread_.native_handle(), ("worker-" + std::to_string(index)).c_str());
}

void Worker::stop() {
  if (thread_.joinable()) {
    loop.call([this] { loop.stop(); });
    thread_.join();
    instruments.heartbeat_due.set(0);
  }
}

void Worker::expect_heartbeat(TimePoint due) {
  instruments.heartbeat_due.set(
      std::chrono::duration_cast<std::chrono::nanoseconds>(due.time_since_epoch()).count());
  heartbeat_timer_.arm(due, [this, due] { heartbeat(due); });
}

void Worker::heartbeat(TimePoint due) {
  const TimePoint now = loop.now();
  instruments.loop_lag.observe(now - due);
  instruments.buffer_bytes.set(loop.buffers().lent_bytes());
  instruments.free_buffer_bytes.set(loop.buffers().free_bytes());
  expect_heartbeat(now + kHeartbeat);
}

void Worker::start_sweep() {
  arm_sweep(server.policy()->sweep_interval());
}

void Worker::arm_sweep(Duration every) {
  const TimePoint when = loop.now() + every;
  if (every > Duration::zero() && (!sweep_timer_.armed() || when < sweep_at_)) {
    sweep_at_ = when;
    sweep_timer_.arm(when, [this] { sweep(); });
  }
}

void Worker::sweep() {
  for (Session* session : sessions) {
    session->apply_limits();               // starts coroutines, ends none: the set stays as it is
    arm_sweep(session->sweep_interval());  // of the policy that it keeps
  }
  if (!sessions.empty()) {
    start_sweep();
  }
}

}  // namespace sluice::proxy
