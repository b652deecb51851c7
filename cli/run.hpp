#pragma once

// `sluice run`: the life of the process, from the configuration to the last client.

#include <memory>
#include <string>

#include "config/config.hpp"

namespace sluice::cli {

// Serves until a signal asks for the end. The exit status.
int run_server(const std::string& path);
// The same with a configuration that is there already. An empty path: it is in no file, so that
// there is nothing to read again.
int run_server(const std::string& path, std::shared_ptr<const config::Config> config);

}  // namespace sluice::cli
