#pragma once

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::ReadOnly& options);

}  // namespace sluice::proxy::middleware
