#pragma once

// Rows in aligned columns for a terminal.

#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  // each as long as `columns`, or shorter
};

// A heading, a rule and the rows; numbers stand to the right. Control characters become `?`, so
// that no client can write to an operator's terminal.
std::string aligned(const Table& table);

// How many columns of a terminal a UTF-8 text takes, one for each code point.
std::size_t display_width(std::string_view text);
// With control characters replaced.
std::string printable(std::string_view text);

}  // namespace sluice::cli
