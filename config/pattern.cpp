#include "config/pattern.hpp"

#include <cstddef>

namespace sluice::config {
namespace {

struct One {
  bool valid = false;
  bool match = false;
  std::size_t length = 0;  // of the pattern's part
};

// "[...]" at the start of `pattern`.
One match_set(std::string_view pattern, char c) {
  std::size_t at = 1;
  const bool negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
  at += negated ? 1 : 0;
  const auto byte = static_cast<unsigned char>(c);
  bool found = false;
  for (bool first = true; at < pattern.size(); first = false) {
    if (pattern[at] == ']' && !first) {
      return {true, found != negated, at + 1};
    }
    const auto low = static_cast<unsigned char>(pattern[at]);
    auto high = low;
    if (at + 2 < pattern.size() && pattern[at + 1] == '-' && pattern[at + 2] != ']') {
      high = static_cast<unsigned char>(pattern[at + 2]);
      at += 2;
    }
    found = found || (low <= byte && byte <= high);
    ++at;
  }
  return {};
}

// One element other than '*' against one byte.
One match_one(std::string_view pattern, char c) {
  switch (pattern.front()) {
    case '?':
      return {true, true, 1};
    case '[':
      return match_set(pattern, c);
    case '\\':
      return pattern.size() < 2 ? One{} : One{true, pattern[1] == c, 2};
    default:
      return {true, pattern.front() == c, 1};
  }
}

bool is_literal(std::string_view pattern) {
  return pattern.find_first_of("*?[\\") == std::string_view::npos;
}

}  // namespace

bool is_pattern(std::string_view pattern) {
  while (!pattern.empty()) {
    const One one = pattern.front() == '*' ? One{true, true, 1} : match_one(pattern, 'x');
    if (!one.valid) {
      return false;
    }
    pattern.remove_prefix(one.length);
  }
  return true;
}

bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) {
    return true;
  }
  // After a mismatch only the last star is tried again, one byte further: no exponential cases.
  std::string_view after_star;
  std::string_view star_text;
  bool star = false;
  while (true) {
    if (!pattern.empty() && pattern.front() == '*') {
      pattern.remove_prefix(1);
      after_star = pattern;
      star_text = text;
      star = true;
      continue;
    }
    if (pattern.empty() && text.empty()) {
      return true;
    }
    if (!pattern.empty() && !text.empty()) {
      const One one = match_one(pattern, text.front());
      if (!one.valid) {
        return false;
      }
      if (one.match) {
        pattern.remove_prefix(one.length);
        text.remove_prefix(1);
        continue;
      }
    }
    if (!star || star_text.empty()) {
      return false;
    }
    star_text.remove_prefix(1);
    text = star_text;
    pattern = after_star;
  }
}

bool covers(std::string_view wide, std::string_view narrow) {
  if (wide.empty() || wide == "*" || wide == narrow) {
    return true;
  }
  if (narrow.empty()) {
    return false;
  }
  if (is_literal(narrow)) {
    return matches(wide, narrow);
  }
  if (wide.ends_with('*') && is_literal(wide.substr(0, wide.size() - 1))) {
    const auto prefix = wide.substr(0, wide.size() - 1);
    return narrow.starts_with(prefix);
  }
  return false;
}

}  // namespace sluice::config
