#include "cli/table.hpp"

#include <algorithm>

namespace sluice::cli {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.,-") == std::string_view::npos &&
         text.find_first_of("0123456789") != std::string_view::npos;
}

std::string padded(const std::string& text, std::size_t width, bool to_the_right) {
  const std::size_t own = display_width(text);
  const std::string blanks(width > own ? width - own : 0, ' ');
  return to_the_right ? blanks + text : text + blanks;
}

std::string without_trailing_blanks(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    c = byte < 0x20 || byte == 0x7F ? '?' : c;
  }
  // C1 controls, as UTF-8.
  for (auto at = out.find('\xC2'); at != std::string::npos; at = out.find('\xC2', at + 1)) {
    if (at + 1 < out.size() && static_cast<unsigned char>(out[at + 1]) < 0xA0) {
      out.replace(at, 2, "?");
    }
  }
  return out;
}

std::string aligned(const Table& table) {
  std::vector<std::vector<std::string>> cells;
  for (const auto& row : table.rows) {
    auto& made = cells.emplace_back();
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      made.push_back(i < row.size() ? printable(row[i]) : "");
    }
  }
  std::string heading;
  std::string rule;
  std::vector<std::size_t> widths;
  std::vector<bool> numbers;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    std::size_t width = display_width(table.columns[i]);
    bool all = !cells.empty();
    for (const auto& row : cells) {
      width = std::max(width, display_width(row[i]));
      all = all && (row[i].empty() || is_number(row[i]));
    }
    widths.push_back(width);
    numbers.push_back(all);
    heading += (i == 0 ? "" : "  ") + padded(table.columns[i], width, all);
    rule += (i == 0 ? "" : "  ") + std::string(width, '-');
  }
  std::string out = without_trailing_blanks(heading) + "\n" + rule + "\n";
  for (const auto& row : cells) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += (i == 0 ? "" : "  ") + padded(row[i], widths[i], numbers[i]);
    }
    out += without_trailing_blanks(std::move(line)) + "\n";
  }
  return out;
}

}  // namespace sluice::cli
