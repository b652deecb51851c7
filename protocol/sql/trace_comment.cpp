#include "protocol/sql/trace_comment.hpp"

#include <algorithm>

namespace sluice::protocol::sql {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\f\v";

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char low = static_cast<char>(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

std::string decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) {
      out += text[++at];
    } else if (text[at] == '%' && text.size() - at > 2 && hex_value(text[at + 1]) >= 0 &&
               hex_value(text[at + 2]) >= 0) {
      out += static_cast<char>(16 * hex_value(text[at + 1]) + hex_value(text[at + 2]));
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

void encode(std::string& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
    }
  }
}

// key='value',key='value' and nothing else.
bool parse(std::string_view inside, TraceComment& comment) {
  for (;;) {
    const std::size_t sign = inside.find('=');
    if (sign == std::string_view::npos || inside.size() - sign < 3 || inside[sign + 1] != '\'') {
      return false;
    }
    const std::string_view key = trim(inside.substr(0, sign));
    if (key.empty() || key.find_first_of("',") != std::string_view::npos) {
      return false;
    }
    std::size_t end = sign + 2;
    while (end < inside.size() && inside[end] != '\'') {
      end += inside[end] == '\\' ? 2 : 1;
    }
    if (end >= inside.size()) {
      return false;
    }
    comment.values.emplace_back(decode(key), decode(inside.substr(sign + 2, end - sign - 2)));
    inside = trim(inside.substr(end + 1));
    if (inside.empty()) {
      return true;
    }
    if (inside.front() != ',') {
      return false;
    }
    inside.remove_prefix(1);
  }
}

std::optional<TraceComment> read(std::string_view text, std::size_t begin, std::size_t end) {
  TraceComment comment{begin, end, {}};
  if (end - begin < 4 || !parse(text.substr(begin + 2, end - begin - 4), comment)) {
    return std::nullopt;
  }
  return comment;
}

bool is_lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool all_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

const std::string* TraceComment::find(std::string_view key) const {
  const auto found = std::find_if(values.begin(), values.end(),
                                  [key](const auto& value) { return value.first == key; });
  return found == values.end() ? nullptr : &found->second;
}

std::optional<TraceComment> trailing_trace_comment(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t\r\n\f\v;");
  if (last == std::string_view::npos || last < 3 || text[last] != '/' || text[last - 1] != '*') {
    return std::nullopt;
  }
  const std::size_t begin = text.rfind("/*", last - 3);
  return begin == std::string_view::npos ? std::nullopt : read(text, begin, last + 1);
}

std::optional<TraceComment> leading_trace_comment(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos || text.substr(begin, 2) != "/*") {
    return std::nullopt;
  }
  const std::size_t end = text.find("*/", begin + 2);
  return end == std::string_view::npos ? std::nullopt : read(text, begin, end + 2);
}

bool valid_traceparent(std::string_view text) {
  constexpr std::size_t kSize = 55;  // 2-32-16-2
  if (text.size() < kSize || text[2] != '-' || text[35] != '-' || text[52] != '-') {
    return false;
  }
  const std::string_view version = text.substr(0, 2);
  const std::string_view trace = text.substr(3, 32);
  const std::string_view parent = text.substr(36, 16);
  const bool longer = text.size() > kSize;  // only what comes after version 00 may be
  return is_lower_hex(version) && version != "ff" && is_lower_hex(trace) && !all_zero(trace) &&
         is_lower_hex(parent) && !all_zero(parent) && is_lower_hex(text.substr(53, 2)) &&
         (!longer || (version != "00" && text[kSize] == '-' && text.size() <= 256 &&
                      text.find_first_not_of("0123456789abcdef-") == std::string_view::npos));
}

std::optional<std::string> traceparent_of(std::string_view text) {
  for (const auto& comment : {trailing_trace_comment(text), leading_trace_comment(text)}) {
    const std::string* const found = comment ? comment->find("traceparent") : nullptr;
    if (found != nullptr && valid_traceparent(*found)) {
      return *found;
    }
  }
  return std::nullopt;
}

std::string trace_pair(std::string_view key, std::string_view value) {
  std::string out;
  encode(out, key);
  out += "='";
  encode(out, value);
  out += '\'';
  return out;
}

}  // namespace sluice::protocol::sql
