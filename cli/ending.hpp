#pragma once

// How the process comes to its end: what runs is finished, in the time that there is. A signal cuts
// each of these short.

#include <mutex>
#include <optional>

#include "cli/signals.hpp"
#include "proxy/operator/operator.hpp"
#include "proxy/server.hpp"

namespace sluice::cli {

// How the process is to end, of those who have asked: the quickest counts. Thread-safe.
class WantedEnd {
 public:
  // An operator asks. Returns the signal that has it done; 0: it is under way, or a quicker end is.
  int ask(proxy::op::ShutdownMode how);
  // An end of this kind has begun, if nobody has asked for one.
  void begun(proxy::op::ShutdownMode how);
  proxy::op::ShutdownMode how() const;  // drain, where nobody has said

 private:
  mutable std::mutex mutex_;
  std::optional<proxy::op::ShutdownMode> how_;
};

// Waits until the last client has left by itself, and returns 0, or the signal that has cut it
// short. Who may still come is the caller's affair.
int wait_for_clients(proxy::Server& server, Signals& signals,
                     proxy::TimePoint until = proxy::TimePoint::max());

// Readiness is off already. Goes on accepting for drain.delay, unless `quick`, then each session
// ends at its next transaction end, at the latest at drain.timeout.
void drain(proxy::Server& server, Signals& signals, bool quick);

// Ends whatever runs.
void end_now(proxy::Server& server);

}  // namespace sluice::cli
