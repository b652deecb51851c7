#pragma once

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::ResultLimit& options);

}  // namespace sluice::proxy::middleware
