#pragma once

// How the process comes to its end: what runs is finished, in the time that there is. A signal cuts
// each of these short.

#include "cli/signals.hpp"
#include "proxy/server.hpp"

namespace sluice::cli {

// Waits until the last client has left by itself. Who may still come is the caller's affair.
void wait_for_clients(proxy::Server& server, Signals& signals,
                      proxy::TimePoint until = proxy::TimePoint::max());

// Readiness is off already. Goes on accepting for drain.delay, unless `quick`, then each session
// ends at its next transaction end, at the latest at drain.timeout.
void drain(proxy::Server& server, Signals& signals, bool quick);

// Ends whatever runs.
void end_now(proxy::Server& server);

}  // namespace sluice::cli
