#pragma once

// `sluice check`, and how every command reads a configuration file.

#include <memory>
#include <string>

#include "config/config.hpp"

namespace sluice::cli {

// Prints every problem on standard error; null when one of them is an error.
std::shared_ptr<const config::Config> load(const std::string& path, bool offline);

// The exit status.
int run_check(const std::string& path, bool offline);

}  // namespace sluice::cli
