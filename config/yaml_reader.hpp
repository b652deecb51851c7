#pragma once

// Text to tree, with everything refused that a configuration has no use for.

#include <string>

#include "config/node.hpp"
#include "config/report.hpp"

namespace sluice::config {

// Null when there is no tree to speak of; why is in the report then. Of duplicate keys, which are
// reported too, the first one counts. Never throws. Bounded: the size of the text,
// the depth of the tree, and its number of nodes with every alias counted as what it stands for.
TreePtr read_yaml(const std::string& text, Report& report);

}  // namespace sluice::config
