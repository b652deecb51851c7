#include "config/units.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <system_error>

namespace sluice::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Ascending, so that printing can look for the largest from the end.
constexpr std::array<Unit, 5> kTimeUnits{
    {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}}};
constexpr std::array<Unit, 4> kSizeUnits{
    {{"B", 1}, {"KiB", 1ULL << 10U}, {"MiB", 1ULL << 20U}, {"GiB", 1ULL << 30U}}};

constexpr std::uint64_t kMaxMilliseconds = 10ULL * 366 * 86400000;
constexpr std::uint64_t kMaxBytes = 1ULL << 50U;

template <std::size_t N>
std::optional<std::uint64_t> parse_with_unit(std::string_view text,
                                             const std::array<Unit, N>& units,
                                             std::uint64_t limit) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) {
    return std::nullopt;
  }
  const auto suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : units) {
    if (unit.name == suffix) {
      return number <= limit / unit.factor ? std::optional(number * unit.factor) : std::nullopt;
    }
  }
  return std::nullopt;
}

template <std::size_t N>
std::string print_with_unit(std::uint64_t value, const std::array<Unit, N>& units) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < N && value != 0; ++i) {
    if (value % units[i].factor == 0) {
      best = i;
    }
  }
  return std::to_string(value / units[best].factor) + std::string(units[best].name);
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto value = parse_with_unit(text, kTimeUnits, kMaxMilliseconds);
  if (!value) {
    return std::nullopt;
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(*value));
}

std::string print_duration(std::chrono::milliseconds value) {
  if (value.count() < 0) {
    return "-1";
  }
  if (value.count() == 0) {
    return "0s";
  }
  return print_with_unit(static_cast<std::uint64_t>(value.count()), kTimeUnits);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return parse_with_unit(text, kSizeUnits, kMaxBytes);
}

std::string print_size(std::uint64_t bytes) {
  return print_with_unit(bytes, kSizeUnits);
}

std::optional<bool> parse_boolean(std::string_view text) {
  if (text == "true") {
    return true;
  }
  if (text == "false") {
    return false;
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  const auto digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.size() > 1 && digits.front() == '0') {
    return std::nullopt;
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace sluice::config
