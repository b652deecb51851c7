#pragma once

// Routes: pools that are there, what can never match, and options that contradict one another.

#include "config/config.hpp"
#include "config/report.hpp"

namespace sluice::config {

void check_routes(const Config& config, Report& report);

// True only when every session that `later` matches is matched by `earlier`.
bool takes_all_of(const Config& config, const Route& earlier, const Route& later);

}  // namespace sluice::config
