#pragma once

// A password from the terminal, which shows nothing of it.

#include <string>

#include "protocol/result.hpp"

namespace sluice::cli {

// Fails when standard input is no terminal, or what is given is no password (see read_password).
protocol::Result<std::string> ask_password(const std::string& prompt);

}  // namespace sluice::cli
