// Prints docs/configuration.md.

#include <iostream>

#include "config/docs.hpp"

int main() {
  std::cout << sluice::config::render_reference();
  return 0;
}
