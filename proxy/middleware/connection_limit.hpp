#pragma once

// How many sessions there may be at once: of all, of a user, of an address, of a database. Exact
// over all workers. A session on a unix socket has no address, and counts for none.

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::ConnectionLimit& options);

}  // namespace sluice::proxy::middleware
