#include "proxy/deadlines.hpp"

#include <algorithm>

namespace sluice::proxy {
namespace {

using std::chrono::milliseconds;

bool reached(milliseconds limit, TimePoint since, TimePoint now) {
  return limit.count() > 0 && now - since >= limit;
}

}  // namespace

Due due(const config::Limits& limits, const SessionClock& session, TimePoint now) {
  if (session.in_transaction && reached(limits.transaction_timeout, session.transaction_at, now)) {
    return Due::transaction;
  }
  if (session.running) {
    if (session.cancelled && limits.query_timeout.count() > 0) {
      bool in_vain = now - session.moved_at >= limits.query_timeout + kCancelGrace;
      return in_vain ? Due::query : Due::nothing;
    }
    if (reached(limits.query_timeout, session.moved_at, now)) {
      return Due::cancel_query;
    }
  } else if (session.in_transaction) {
    if (reached(limits.idle_transaction_timeout, session.moved_at, now)) {
      return Due::idle_transaction;
    }
  } else if (reached(limits.client_idle_timeout, session.moved_at, now)) {
    return Due::client_idle;
  }
  bool old = limits.client_max_lifetime.count() > 0 &&
             now - session.logged_in_at >= lifetime_of(limits, session.id);
  return old ? Due::lifetime : Due::nothing;
}

Duration lifetime_of(const config::Limits& limits, std::uint32_t id) {
  // Neighbouring ids are far apart when multiplied by the golden ratio's fraction.
  std::uint32_t spread = id * 2654435769U;
  Duration whole = limits.client_max_lifetime;
  return whole - Duration(static_cast<Duration::rep>(static_cast<double>(whole.count()) * 0.1 *
                                                     spread / 4294967296.0));
}

Duration sweep_interval(const config::Limits& limits) {
  Duration shortest = Duration::zero();
  for (milliseconds limit :
       {limits.client_idle_timeout, limits.idle_transaction_timeout, limits.transaction_timeout,
        limits.query_timeout, limits.client_max_lifetime}) {
    if (limit.count() > 0 && (shortest == Duration::zero() || limit < shortest)) {
      shortest = limit;
    }
  }
  if (shortest == Duration::zero()) {
    return shortest;
  }
  return std::clamp<Duration>(shortest / 10, milliseconds(10), std::chrono::seconds(1));
}

}  // namespace sluice::proxy
