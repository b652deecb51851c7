#include "protocol/ip_text.hpp"

#include <algorithm>
#include <cstddef>

namespace sluice::protocol {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<std::uint8_t> parse_octet(std::string_view text) {
  const bool shape = !text.empty() && text.size() <= 3 && (text[0] != '0' || text.size() == 1) &&
                     std::all_of(text.begin(), text.end(), is_digit);
  unsigned value = 0;
  for (const char c : text.substr(0, shape ? text.size() : 0)) {
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return shape && value <= 0xFF ? std::optional(static_cast<std::uint8_t>(value)) : std::nullopt;
}

std::optional<std::uint16_t> parse_group(std::string_view text) {
  if (text.empty() || text.size() > 4) {
    return std::nullopt;
  }
  unsigned value = 0;
  for (const char c : text) {
    const char lower = static_cast<char>(c | 0x20);
    if (is_digit(c)) {
      value = value << 4U | static_cast<unsigned>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      value = value << 4U | static_cast<unsigned>(lower - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return static_cast<std::uint16_t>(value);
}

// The groups from the left, and where "::" stands among them.
struct Groups {
  Ipv6 bytes{};
  std::size_t used = 0;
  std::optional<std::size_t> gap;

  bool add(std::string_view piece) {
    if (piece.find('.') != std::string_view::npos) {
      const auto four = parse_ipv4(piece);
      if (!four || used > bytes.size() - four->size()) {
        return false;
      }
      std::copy(four->begin(), four->end(), bytes.begin() + static_cast<std::ptrdiff_t>(used));
      used += four->size();
      return true;
    }
    const auto group = parse_group(piece);
    if (!group || used == bytes.size()) {
      return false;
    }
    bytes[used++] = static_cast<std::uint8_t>(*group >> 8U);
    bytes[used++] = static_cast<std::uint8_t>(*group & 0xFFU);
    return true;
  }

  // Moves what is behind the gap to the end.
  std::optional<Ipv6> spread() const {
    if (!gap) {
      return used == bytes.size() ? std::optional(bytes) : std::nullopt;
    }
    if (used == bytes.size()) {
      return std::nullopt;  // "::" stands for one group at least
    }
    Ipv6 out{};
    const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(*gap);
    std::copy(bytes.begin(), at, out.begin());
    std::copy_backward(at, bytes.begin() + static_cast<std::ptrdiff_t>(used), out.end());
    return out;
  }
};

}  // namespace

std::optional<Ipv4> parse_ipv4(std::string_view text) {
  Ipv4 out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t dot = text.find('.');
    const bool last = i + 1 == out.size();
    const auto octet = parse_octet(text.substr(0, dot));
    if (!octet || last != (dot == std::string_view::npos)) {
      return std::nullopt;
    }
    out[i] = *octet;
    text.remove_prefix(last ? text.size() : dot + 1);
  }
  return out;
}

std::optional<Ipv6> parse_ipv6(std::string_view text) {
  Groups groups;
  if (text.starts_with("::")) {
    groups.gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, text.find(':'));
    if (!groups.add(piece)) {
      return std::nullopt;
    }
    text.remove_prefix(piece.size());
    if (text.empty()) {
      break;
    }
    text.remove_prefix(1);
    if (piece.find('.') != std::string_view::npos) {
      return std::nullopt;  // an IPv4 address is the end of it
    }
    if (text.starts_with(':') && !groups.gap) {
      groups.gap = groups.used;
      text.remove_prefix(1);
    } else if (text.empty() || text.starts_with(':')) {
      return std::nullopt;
    }
  }
  return groups.spread();
}

}  // namespace sluice::protocol
