#pragma once

// What is read of another program's configuration: keys and values that remember whether somebody
// has taken them, so that nothing is lost in silence.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config::convert {

struct SourceValue {
  std::string key;
  std::string value;
  int line = 0;
  bool taken = false;
};

// One section, map or connect string. A key that is given twice has its last value.
class SourceMap {
 public:
  std::string name;
  int line = 0;
  std::vector<SourceValue> values;  // in the order of the file

  // Null when it is not given. Marks it as taken.
  const std::string* take(std::string_view key);
  std::string take_or(std::string_view key, std::string_view otherwise);
  void put(std::string key, std::string value, int at_line);
};

// Why a file, or a part of it, cannot be read; empty: nothing is wrong. Never holds a value.
struct SourceError {
  std::string text;
  int line = 0;
};

constexpr std::size_t kMaxSource = std::size_t{1} << 20U;  // bytes of a file

// Blanks and line ends off both ends.
std::string_view trimmed(std::string_view text);
// Split at commas and trimmed, without empty parts.
std::vector<std::string> split_list(std::string_view text, char separator = ',');
// A whole number that is not negative; nothing for anything else.
std::optional<long long> whole_number(std::string_view text);

}  // namespace sluice::config::convert
