#pragma once

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::ConnectionLimit& options);

}  // namespace sluice::proxy::middleware
