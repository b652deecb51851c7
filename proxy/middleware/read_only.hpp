#pragma once

// read_only: what writes is refused before it reaches a backend, statement by statement, as
// sql::Digest::writes tells; and the transactions of the session are read only at the server, which
// judges what a text cannot tell.

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::ReadOnly& options);

}  // namespace sluice::proxy::middleware
