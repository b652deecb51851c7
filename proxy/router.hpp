#pragma once

// Which route of the configuration a client's login takes.

#include <string_view>

#include "config/config.hpp"

namespace sluice::proxy {

// The first route, in the order of the file, whose patterns all match; null when none does. The
// result points into `config`. A name with a NUL byte in it matches no route: a backend's login
// would send only what is before it.
const config::Route* match_route(const config::Config& config, config::Protocol protocol,
                                 std::string_view user, std::string_view database);

}  // namespace sluice::proxy
