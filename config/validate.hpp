#pragma once

// What can only be said of the configuration as a whole.

#include "config/config.hpp"
#include "config/load.hpp"
#include "config/report.hpp"

namespace sluice::config {

// Leaves out what follows from an option that is already known to be wrong.
void validate(const Config& config, const LoadOptions& options, Report& report);

}  // namespace sluice::config
