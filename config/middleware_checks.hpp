#pragma once

// Options of one middleware that make no sense together; and those of several in one chain.

#include <string>

#include "config/config.hpp"
#include "config/report.hpp"

namespace sluice::config {

struct OptionsPlace {
  std::string path;  // of the options: middleware[0].rate_limit
  bool offline = false;
};

// What the options of one entry say of themselves.
void check_options(const MiddlewareOptions& options, const OptionsPlace& place, Report& report);

// What the chains need of the rest of the configuration, and of one another.
void check_chains(const Config& config, Report& report);

}  // namespace sluice::config
