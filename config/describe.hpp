#pragma once

// A configuration as text for people and logs.

#include <string>

#include "config/config.hpp"
#include "config/origin.hpp"

namespace sluice::config {

// Every option that has a value, in YAML, with every secret masked.
std::string describe(const Config& config);

// The same of one that was loaded from `what.text`, as far as `what` asks for it.
std::string show(const Config& config, const Shown& what);

}  // namespace sluice::config
