#pragma once

// Who may come from where: `deny` first, then `allow`, where it is given, must hold the address. A
// client on a unix socket has no address: the permissions of the socket say who may come.

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::AddressRules& options);

}  // namespace sluice::proxy::middleware
