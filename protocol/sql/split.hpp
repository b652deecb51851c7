#pragma once

// Cuts a text of several statements at its semicolons.

#include <string>
#include <string_view>
#include <vector>

#include "protocol/sql/scanner.hpp"

namespace sluice::protocol::sql {

// The statements, without their semicolons; empty ones are left out. Semicolons in strings, quoted
// names and comments do not count; those in the body of a stored program do.
std::vector<std::string> split_statements(std::string_view text, ScannerOptions options);

}  // namespace sluice::protocol::sql
