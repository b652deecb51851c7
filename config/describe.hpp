#pragma once

// A configuration as text for people and logs.

#include <string>

#include "config/config.hpp"

namespace sluice::config {

// Every option that has a value, in YAML, with every secret masked.
std::string describe(const Config& config);

}  // namespace sluice::config
