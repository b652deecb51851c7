// Prints docs/configuration.md, or with the argument `middleware` docs/middleware.md.

#include <iostream>
#include <string_view>

#include "config/docs.hpp"

int main(int argc, char** argv) {
  const bool middleware = argc > 1 && std::string_view(argv[1]) == "middleware";
  std::cout << (middleware ? sluice::config::render_middleware()
                           : sluice::config::render_reference());
  return 0;
}
