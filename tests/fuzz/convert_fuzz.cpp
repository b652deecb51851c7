// Other poolers' files: their readers, what is made of them, and that it can be read in turn.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "config/convert/convert.hpp"
#include "config/load.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace convert = sluice::config::convert;
  if (size == 0) {
    return 0;
  }
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  // A file that the text names is the text itself.
  const auto read = [&text](const std::string& /*path*/, std::string& /*why*/) {
    return std::optional<std::string>(text);
  };
  const auto made =
      data[0] % 2 == 0 ? convert::from_pgbouncer(text, read) : convert::from_proxysql(text);
  if (made.error.empty() == made.yaml.empty()) {
    std::abort();
  }
  const auto loaded = sluice::config::load_text(made.yaml, "fuzz", {.offline = true});
  if (loaded.config == nullptr && loaded.problems.empty()) {
    std::abort();
  }
  return 0;
}
