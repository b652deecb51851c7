#pragma once

// `sluice man`: the manual of the command line, as sluice.1 or as docs/cli.md.

#include <string>

#include "cli/app_words.hpp"

namespace sluice::cli {

class Commands;
void add_man(Commands& commands);

std::string manual_roff(const CommandWords& root);
std::string manual_markdown(const CommandWords& root);

}  // namespace sluice::cli
