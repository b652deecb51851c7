// Stands in for libFuzzer in an ordinary build: feeds the rows of the files named on the command
// line
// (`fuzzer,name,hex`) that belong to this fuzzer, each whole and cut short, to the fuzzed function.

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kMostCuts = 512;

std::optional<std::uint8_t> digit(char c) {
  if (c >= '0' && c <= '9') {
    return static_cast<std::uint8_t>(c - '0');
  }
  const char lower = static_cast<char>(c | 0x20);
  if (lower >= 'a' && lower <= 'f') {
    return static_cast<std::uint8_t>(lower - 'a' + 10);
  }
  return std::nullopt;
}

std::optional<std::vector<std::uint8_t>> bytes_of(std::string_view hex) {
  if (hex.size() % 2 != 0) {
    return std::nullopt;
  }
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const auto high = digit(hex[i]);
    const auto low = digit(hex[i + 1]);
    if (!high || !low) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<std::uint8_t>(*high << 4U | *low));
  }
  return bytes;
}

// Every prefix in a block of its own, so that the sanitizers see a read past its end.
void feed(const std::vector<std::uint8_t>& bytes) {
  const std::size_t step = bytes.size() / kMostCuts + 1;
  for (std::size_t size = 0; size < bytes.size(); size += step) {
    const std::vector<std::uint8_t> prefix(bytes.begin(),
                                           bytes.begin() + static_cast<std::ptrdiff_t>(size));
    LLVMFuzzerTestOneInput(prefix.data(), prefix.size());
  }
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

// The number of rows fed, or nothing when a row is malformed.
std::optional<int> replay(const char* path, std::string_view fuzzer) {
  std::ifstream file(path);
  if (!file) {
    std::fprintf(stderr, "%s cannot be read\n", path);
    return std::nullopt;
  }
  int fed = 0;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const std::size_t first = line.find(',');
    const std::size_t last = line.rfind(',');
    if (first == std::string::npos || first == last) {
      std::fprintf(stderr, "%s:%d: not fuzzer,name,hex\n", path, number);
      return std::nullopt;
    }
    if (std::string_view(line).substr(0, first) != fuzzer) {
      continue;
    }
    const auto bytes = bytes_of(std::string_view(line).substr(last + 1));
    if (!bytes) {
      std::fprintf(stderr, "%s:%d: not hexadecimal\n", path, number);
      return std::nullopt;
    }
    feed(*bytes);
    ++fed;
  }
  return fed;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s FUZZER SEEDS.csv...\n", argv[0]);
    return 2;
  }
  int fed = 0;
  for (int i = 2; i < argc; ++i) {
    const auto rows = replay(argv[i], argv[1]);
    if (!rows) {
      return 1;
    }
    fed += *rows;
  }
  std::printf("%s: %d rows\n", argv[1], fed);
  return fed > 0 ? 0 : 1;  // a fuzzer without a seed explores nothing
}
