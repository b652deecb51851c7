// The whole way of a configuration: YAML, references, urls, validation, printing. Offline, so that
// no file is opened.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/describe.hpp"
#include "config/load.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto loaded = sluice::config::load_text(text, "fuzz", {.offline = true});
  bool failed = false;
  for (const auto& problem : loaded.problems) {
    failed = failed || !problem.warning;
    if (sluice::config::to_string(problem).empty()) {
      std::abort();
    }
  }
  // A configuration comes out exactly when nothing is wrong with it.
  if ((loaded.config == nullptr) != failed) {
    std::abort();
  }
  if (loaded.config != nullptr && sluice::config::describe(*loaded.config).empty()) {
    std::abort();
  }
  return 0;
}
