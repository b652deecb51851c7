#pragma once

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::RateLimit& options);

}  // namespace sluice::proxy::middleware
