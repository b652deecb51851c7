#pragma once

// The configuration as a JSON Schema (draft 2020-12), for editors, from the tables that load it.

#include <string>

namespace sluice::config {

// Pretty-printed. What it accepts has the right keys, types, words and ranges; that options agree
// with each other is known to `sluice check` alone.
std::string render_schema();

}  // namespace sluice::config
