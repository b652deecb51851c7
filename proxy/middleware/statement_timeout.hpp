#pragma once

// How long a statement may run on its backend. The shortest of the chain counts; then it is
// cancelled on the server, and the client gets the server's own error.

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::StatementTimeout& options);

}  // namespace sluice::proxy::middleware
