#include "metrics/quoted.hpp"

#include <array>
#include <cstddef>
#include <iterator>

#include <fmt/format.h>

namespace sluice::metrics {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t length = 1;
  bool valid = false;
};

// The code point at the start of `text`, which is not empty. Overlong forms, surrogates, what lies
// past U+10FFFF and cut sequences are not valid; then the length is one byte.
CodePoint decode(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const std::uint32_t first = byte(0);
  if (first < 0x80) {
    return {first, 1, true};
  }
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) {
    return {};
  }
  std::uint32_t value = first & (0xffU >> (length + 1));
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xc0U) != 0x80) {
      return {};
    }
    value = (value << 6U) | (byte(at) & 0x3fU);
  }
  constexpr std::array<std::uint32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kSmallest[length] || value > 0x10ffff || surrogate) {
    return {};
  }
  return {value, length, true};
}

// What a terminal or a log viewer may obey rather than show: C0 and C1 controls, line and paragraph
// separators, marks that change the direction of writing.
bool is_control(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x200e || c == 0x200f ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void append_control(std::string& out, std::uint32_t c) {
  switch (c) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
  }
}

// How many bytes from the start need no escape: most texts are nothing else.
std::size_t bare(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && text[at] >= ' ' && text[at] < 0x7f && text[at] != '"' &&
         text[at] != '\\') {
    ++at;
  }
  return at;
}

}  // namespace

void append_quoted(std::string& out, std::string_view text, BadByte bad) {
  out.push_back('"');
  for (;;) {
    const std::size_t plain = bare(text);
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) {
      break;
    }
    const CodePoint c = decode(text);
    if (!c.valid) {
      if (bad == BadByte::replaced) {
        out += "\\ufffd";
      } else {
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(text[0]));
      }
    } else if (is_control(c.value)) {
      append_control(out, c.value);
    } else {
      if (c.value == '"' || c.value == '\\') {
        out.push_back('\\');
      }
      out += text.substr(0, c.length);
    }
    text.remove_prefix(c.length);
  }
  out.push_back('"');
}

std::string valid_utf8(std::string text) {
  std::string out;
  std::size_t taken = 0;  // of `text`, into `out`
  for (std::size_t at = 0; at < text.size();) {
    const bool ascii = static_cast<unsigned char>(text[at]) < 0x80;
    const CodePoint c = ascii ? CodePoint{0, 1, true} : decode(std::string_view(text).substr(at));
    if (!c.valid) {
      out.append(text, taken, at - taken).append("\xef\xbf\xbd");
      taken = at + 1;
    }
    at += c.length;
  }
  if (taken == 0) {
    return text;
  }
  return out.append(text, taken);
}

}  // namespace sluice::metrics
