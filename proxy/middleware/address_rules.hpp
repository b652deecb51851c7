#pragma once

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::AddressRules& options);

}  // namespace sluice::proxy::middleware
