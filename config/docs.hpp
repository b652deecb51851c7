#pragma once

// docs/configuration.md, from the table of options in fields.hpp.

#include <string>

namespace sluice::config {

// Markdown: every key with its type, default and meaning.
std::string render_reference();

}  // namespace sluice::config
