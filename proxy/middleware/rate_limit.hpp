#pragma once

// How many requests there may be in a second: of the route (of all sessions, in the global chain),
// of a user, of an address, or of one session. What prepares a statement costs nothing, what runs
// one costs one. A request above the rate waits for its turn, or is refused.

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::RateLimit& options);

}  // namespace sluice::proxy::middleware
