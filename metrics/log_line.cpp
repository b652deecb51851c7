#include "metrics/log_line.hpp"

#include <array>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace sluice::metrics::log {
namespace {

using Out = fmt::memory_buffer;

void append(Out& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

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

void append_control(Out& out, std::uint32_t c) {
  switch (c) {
    case '\n':
      return append(out, "\\n");
    case '\r':
      return append(out, "\\r");
    case '\t':
      return append(out, "\\t");
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
  }
}

// Both formats escape alike, but for a byte that is no UTF-8: JSON has no way to say it.
void append_quoted(Out& out, std::string_view text, Format format) {
  const bool cut = text.size() > kMaxValue;
  text = text.substr(0, kMaxValue);
  out.push_back('"');
  while (!text.empty()) {
    const CodePoint c = decode(text);
    if (!c.valid) {
      if (format == Format::json) {
        append(out, "\\ufffd");
      } else {
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(text[0]));
      }
    } else if (is_control(c.value)) {
      append_control(out, c.value);
    } else {
      if (c.value == '"' || c.value == '\\') {
        out.push_back('\\');
      }
      append(out, text.substr(0, c.length));
    }
    text.remove_prefix(c.length);
  }
  append(out, cut ? "...\"" : "\"");
}

// Text values stand bare when they cannot be mistaken for anything else.
bool is_plain(std::string_view text) {
  if (text.empty() || text.size() > kMaxValue) {
    return false;
  }
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') {
      return false;
    }
  }
  return true;
}

void append_value(Out& out, const Value& value, Format format) {
  const auto put = [&](const auto& held) {
    using Held = std::decay_t<decltype(held)>;
    if constexpr (std::is_same_v<Held, std::string_view>) {
      if (format == Format::text && is_plain(held)) {
        append(out, held);
      } else {
        append_quoted(out, held, format);
      }
    } else if constexpr (std::is_same_v<Held, double>) {
      if (std::isfinite(held)) {
        fmt::format_to(std::back_inserter(out), "{:.6g}", held);
      } else {
        append(out, "null");  // JSON has no infinity
      }
    } else {
      fmt::format_to(std::back_inserter(out), "{}", held);
    }
  };
  std::visit(put, value.held());
}

// RFC 3339 in UTC, milliseconds.
void append_time(Out& out, std::chrono::system_clock::time_point time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto into = std::chrono::floor<std::chrono::milliseconds>(time - day);
  const std::chrono::hh_mm_ss clock(into);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                 static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                 static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                 clock.seconds().count(), clock.subseconds().count());
}

void append_text(Out& out, const Line& line) {
  append_time(out, line.time);
  fmt::format_to(std::back_inserter(out), " {} {}", level_name(line.level), line.event);
  for (const Field& field : line.fields) {
    fmt::format_to(std::back_inserter(out), " {}=", field.key);
    append_value(out, field.value, Format::text);
  }
}

void append_json(Out& out, const Line& line) {
  append(out, R"({"time":")");
  append_time(out, line.time);
  fmt::format_to(std::back_inserter(out), R"(","level":"{}","event":)", level_name(line.level));
  append_quoted(out, line.event, Format::json);
  for (const Field& field : line.fields) {
    out.push_back(',');
    append_quoted(out, field.key, Format::json);
    out.push_back(':');
    append_value(out, field.value, Format::json);
  }
  out.push_back('}');
}

}  // namespace

std::string_view level_name(Level level) {
  constexpr std::array<std::string_view, 6> kNames{"trace",   "debug", "info",
                                                   "warning", "error", "off"};
  return kNames.at(static_cast<std::size_t>(level));
}

std::string format_line(const Line& line, Format format) {
  Out out;
  if (format == Format::json) {
    append_json(out, line);
  } else {
    append_text(out, line);
  }
  return fmt::to_string(out);
}

}  // namespace sluice::metrics::log
