#include "metrics/log_line.hpp"

#include <array>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "metrics/quoted.hpp"

namespace sluice::metrics::log {
namespace {

// Both formats escape alike, but for a byte that is no UTF-8.
void append_text_value(std::string& out, std::string_view text, Format format) {
  const bool cut = text.size() > kMaxValue;
  append_quoted(out, text.substr(0, kMaxValue),
                format == Format::json ? BadByte::replaced : BadByte::hex);
  if (cut) {
    out.insert(out.size() - 1, "...");
  }
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

void append_value(std::string& out, const Value& value, Format format) {
  const auto put = [&](const auto& held) {
    using Held = std::decay_t<decltype(held)>;
    if constexpr (std::is_same_v<Held, std::string_view>) {
      if (format == Format::text && is_plain(held)) {
        out += held;
      } else {
        append_text_value(out, held, format);
      }
    } else if constexpr (std::is_same_v<Held, double>) {
      if (std::isfinite(held)) {
        fmt::format_to(std::back_inserter(out), "{:.6g}", held);
      } else {
        out += "null";  // JSON has no infinity
      }
    } else {
      fmt::format_to(std::back_inserter(out), "{}", held);
    }
  };
  std::visit(put, value.held());
}

// RFC 3339 in UTC, milliseconds.
void append_time(std::string& out, std::chrono::system_clock::time_point time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto into = std::chrono::floor<std::chrono::milliseconds>(time - day);
  const std::chrono::hh_mm_ss clock(into);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                 static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                 static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                 clock.seconds().count(), clock.subseconds().count());
}

void append_text(std::string& out, const Line& line) {
  append_time(out, line.time);
  fmt::format_to(std::back_inserter(out), " {} {}", level_name(line.level), line.event);
  for (const Field& field : line.fields) {
    fmt::format_to(std::back_inserter(out), " {}=", field.key);
    append_value(out, field.value, Format::text);
  }
}

void append_json(std::string& out, const Line& line) {
  out += R"({"time":")";
  append_time(out, line.time);
  fmt::format_to(std::back_inserter(out), R"(","level":"{}","event":)", level_name(line.level));
  append_text_value(out, line.event, Format::json);
  for (const Field& field : line.fields) {
    out.push_back(',');
    append_text_value(out, field.key, Format::json);
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
  std::string out;
  if (format == Format::json) {
    append_json(out, line);
  } else {
    append_text(out, line);
  }
  return out;
}

}  // namespace sluice::metrics::log
