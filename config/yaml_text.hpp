#pragma once

// Texts as they may stand in a configuration file.

#include <string>

namespace sluice::config {

// Double-quoted unless it is a plain word that YAML cannot take for anything else.
std::string yaml_text(const std::string& text);

// With `$${` for every `${`, which would be taken for a reference when the text is loaded.
std::string unexpanded(std::string text);

}  // namespace sluice::config
