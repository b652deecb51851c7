#pragma once

// Settings that every session of the route starts with. The client may change them: they stand
// below what it asks for itself, and RESET brings them back.

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::SessionSettings& options);

}  // namespace sluice::proxy::middleware
