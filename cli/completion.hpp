#pragma once

// `sluice completion`: what a shell needs to complete sluice's command line.

#include <string>

#include "cli/app_words.hpp"

namespace sluice::cli {

class Commands;
void add_completion(Commands& commands);

std::string bash_completion(const CommandWords& root);
std::string zsh_completion(const CommandWords& root);
std::string fish_completion(const CommandWords& root);

}  // namespace sluice::cli
