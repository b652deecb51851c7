#pragma once

// docs/configuration.md and docs/middleware.md, from the tables that load the options.

#include <string>

namespace sluice::config {

// Markdown: every key with its type, default and meaning.
std::string render_reference();
// Markdown: what middleware there is, each with its options, its phases, its errors and an example.
std::string render_middleware();

}  // namespace sluice::config
