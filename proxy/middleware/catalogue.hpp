#pragma once

// From the options of an entry of a chain to the middleware itself.

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

// A failure names what in the options' files cannot be used (a secret that is unreadable, a JWKS
// without a key that fits); never their contents.
Made make(const config::MiddlewareOptions& options);

}  // namespace sluice::proxy::middleware
