#pragma once

// Files of the repository that are built into the program: embed_file() and embed_files() of
// CMakeLists.txt make the definitions.

#include <span>
#include <string_view>

namespace sluice::embedded {

struct File {
  std::string_view path;  // in its folder
  std::string_view bytes;
};

std::string_view openapi_json();          // docs/openapi.json
std::span<const File> dashboard_files();  // proxy/admin/dashboard/

}  // namespace sluice::embedded
