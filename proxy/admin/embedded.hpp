#pragma once

// Files of the repository that are built into the program: embed_file() of CMakeLists.txt makes the
// definitions.

#include <string_view>

namespace sluice::embedded {

std::string_view openapi_json();  // docs/openapi.json

}  // namespace sluice::embedded
