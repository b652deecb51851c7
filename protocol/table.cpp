#include "protocol/table.hpp"

#include <array>
#include <charconv>

namespace sluice::protocol {
namespace {

ColumnType type_of(char letter) {
  switch (letter) {
    case 'i':
      return ColumnType::integer;
    case 'l':
      return ColumnType::bigint;
    case 'n':
      return ColumnType::numeric;
    case 'r':
      return ColumnType::real;
    case 'b':
      return ColumnType::boolean;
    default:
      return ColumnType::text;
  }
}

std::string real_text(double value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

}  // namespace

Table make_table(std::string_view columns) {
  Table table;
  while (!columns.empty()) {
    const std::size_t blank = columns.find(' ');
    std::string_view name = columns.substr(0, blank);
    columns = blank == std::string_view::npos ? std::string_view() : columns.substr(blank + 1);
    char letter = 0;
    if (const std::size_t colon = name.find(':'); colon != std::string_view::npos) {
      letter = name.back();
      name = name.substr(0, colon);
    }
    table.columns.push_back({std::string(name), type_of(letter)});
  }
  return table;
}

std::string to_text(const Value& value, std::string_view yes, std::string_view no) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return *text;
  }
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return std::to_string(*number);
  }
  if (const auto* real = std::get_if<double>(&value)) {
    return real_text(*real);
  }
  if (const auto* flag = std::get_if<bool>(&value)) {
    return std::string(*flag ? yes : no);
  }
  return {};
}

}  // namespace sluice::protocol
