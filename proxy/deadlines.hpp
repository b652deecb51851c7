#pragma once

// Which limit of `limits:` a session has reached. Pure: the worker sweeps its sessions every now
// and then and asks here, so a query pays for its limits with a store or two, and no timer.

#include <cstdint>

#include "config/config.hpp"
#include "proxy/loop.hpp"

namespace sluice::proxy {

enum class Due : std::uint8_t {
  nothing,
  client_idle,       // close: nothing asked outside a transaction
  idle_transaction,  // close: nothing asked within one
  transaction,       // close: it lasts too long, whether a query runs or not
  cancel_query,      // cancel on the server what runs
  query,             // close: the server did not end it in spite of the cancel
  lifetime,          // close as soon as no transaction is open
};

// A session as its limits see it.
struct SessionClock {
  bool running = false;         // a request is on the backend
  bool in_transaction = false;  // between BEGIN and its end
  bool cancelled = false;       // query_timeout has cancelled what runs
  // When the request that runs began, or, when none runs, when the last one was answered.
  TimePoint moved_at{};
  TimePoint transaction_at{};  // when the open transaction began
  TimePoint logged_in_at{};
  std::uint32_t id = 0;  // spreads client_max_lifetime
};

// How long the server may take to end a query that was cancelled.
inline constexpr auto kCancelGrace = std::chrono::seconds(5);

Due due(const config::Limits& limits, const SessionClock& session, TimePoint now);

// client_max_lifetime less up to a tenth, by the id: clients that came together do not leave
// together.
Duration lifetime_of(const config::Limits& limits, std::uint32_t id);

// How often to look: limits come true late by at most this, a tenth of the shortest limit within
// 10 ms and 1 s. Zero: no limit is set.
Duration sweep_interval(const config::Limits& limits);

}  // namespace sluice::proxy
