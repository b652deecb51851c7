#pragma once

// Durations ("30s"), sizes ("64KiB"), booleans and whole numbers, as text and back.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::config {

// A whole number with one unit: ms, s, m, h, d. No sign, no fraction; at most ten years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// In the largest unit that divides it; negative prints as -1.
std::string print_duration(std::chrono::milliseconds value);

// A whole number with one unit: B, KiB, MiB, GiB.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string print_size(std::uint64_t bytes);

// true or false, nothing else.
std::optional<bool> parse_boolean(std::string_view text);

// Decimal digits with an optional minus sign; no leading zeros, which other readers take as octal.
std::optional<std::int64_t> parse_integer(std::string_view text);

}  // namespace sluice::config
