#pragma once

// Who has no good token does not come in, before any backend is touched. It is looked at once, at
// the login: a session may outlive its token. Whatever is wrong with it, the client is told one
// thing; the log and the metric say which. What a token is held against is in token/.

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::RequireToken& options);

}  // namespace sluice::proxy::middleware
