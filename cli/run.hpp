#pragma once

// `sluice run`: the life of the process, from the configuration to the last client.

#include <string>

namespace sluice::cli {

// Serves until a signal asks for the end. The exit status.
int run_server(const std::string& path);

}  // namespace sluice::cli
