#pragma once

#include "config/config.hpp"
#include "config/report.hpp"

namespace sluice::config {

// What schedules need of the pools, and of one another.
void check_schedules(const Config& config, Report& report);

}  // namespace sluice::config
