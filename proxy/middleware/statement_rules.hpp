#pragma once

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::StatementRules& options);

}  // namespace sluice::proxy::middleware
