#include <exception>
#include <iostream>

#include "cli/commands.hpp"

int main(int argc, char** argv) {
  try {
    sluice::cli::Commands commands;
    return commands.run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "sluice: " << error.what() << '\n';
    return sluice::cli::kFailed;
  }
}
