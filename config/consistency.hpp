#pragma once

// Options that are right each on its own and contradict each other. An error where what the file
// asks for cannot be had; a warning where one option only makes another one do nothing. Every
// message stands at an option that the file gives and names the other one.

#include "config/config.hpp"
#include "config/report.hpp"

namespace sluice::config {

// Leaves out what follows from an option that is already known to be wrong.
void check_consistency(const Config& config, Report& report);

}  // namespace sluice::config
