#pragma once

// What a driver would take in connect_args or behind the ? of a url, by protocol.

#include <string>
#include <utility>
#include <vector>

#include "config/config.hpp"

namespace sluice::config {

using Arguments = std::vector<std::pair<std::string, std::string>>;

// True for those that say in a driver's words what the `tls` of a pool says (sslmode, ssl_ca, ...).
bool is_tls_argument(Protocol protocol, const std::string& name);

// Puts one argument into the pool. Empty when it was taken over; else what is wrong, without the
// value. Twice the same argument is an error.
std::string apply_argument(Pool& pool, const std::string& name, const std::string& value);

// For the documentation.
std::vector<std::string> known_arguments(Protocol protocol);

}  // namespace sluice::config
