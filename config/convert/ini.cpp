#include "config/convert/ini.hpp"

#include <algorithm>
#include <string>

namespace sluice::config::convert {
namespace {

// Calls each(line, number) until it returns an error.
template <typename F>
SourceError for_each_line(std::string_view text, const F& each) {
  int number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    ++number;
    if (std::string why = each(trimmed(text.substr(0, end)), number); !why.empty()) {
      return {std::move(why), number};
    }
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return {};
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Takes one text between `quote`s, which are doubled within, off the front of `rest`, which begins
// with one. False when its end is missing.
bool take_quoted(std::string_view& rest, char quote, std::string& out) {
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] != quote) {
      out += rest[i];
    } else if (i + 1 < rest.size() && rest[i + 1] == quote) {
      out += rest[i++];
    } else {
      rest.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

std::string ini_line(std::string_view line, int number, Ini& out) {
  if (line.empty() || line.front() == ';' || line.front() == '#') {
    return {};
  }
  if (line.front() == '[') {
    if (line.back() != ']') {
      return "a [ without its ]";
    }
    out.sections.emplace_back();
    out.sections.back().name = std::string(trimmed(line.substr(1, line.size() - 2)));
    out.sections.back().line = number;
    return {};
  }
  if (line.starts_with("%include")) {
    return "%include is not followed: convert a file that holds everything";
  }
  const auto cut = line.find('=');
  const auto key = trimmed(line.substr(0, cut));
  if (cut == std::string_view::npos || key.empty()) {
    return "neither `key = value`, a section nor a comment";
  }
  if (out.sections.empty()) {
    return "a key before the first section";
  }
  out.sections.back().put(std::string(key), std::string(trimmed(line.substr(cut + 1))), number);
  return {};
}

std::string user_line(std::string_view line, UserList& out) {
  if (line.empty() || line.front() == ';' || line.front() == '#') {
    return {};
  }
  std::string name;
  std::string secret;
  if (line.front() != '"' || !take_quoted(line, '"', name)) {
    return "not \"user\" \"secret\"";
  }
  line = trimmed(line);
  if (line.empty() || line.front() != '"' || !take_quoted(line, '"', secret)) {
    return "not \"user\" \"secret\"";
  }
  if (name.empty()) {
    return "a user without a name";
  }
  out.users.emplace_back(std::move(name), std::move(secret));
  return {};
}

}  // namespace

SourceMap* Ini::find(std::string_view name) {
  const auto found = std::find_if(sections.begin(), sections.end(),
                                  [name](const SourceMap& one) { return one.name == name; });
  return found == sections.end() ? nullptr : &*found;
}

Ini read_ini(std::string_view text) {
  Ini out;
  out.error = for_each_line(
      text, [&out](std::string_view line, int number) { return ini_line(line, number, out); });
  return out;
}

SourceError read_connect_string(std::string_view text, SourceMap& out) {
  std::string_view rest = trimmed(text);
  while (!rest.empty()) {
    const auto cut = rest.find('=');
    const auto key = trimmed(rest.substr(0, cut));
    if (cut == std::string_view::npos || key.empty() ||
        std::any_of(key.begin(), key.end(), is_blank)) {
      return {"not key=value pairs", out.line};
    }
    rest.remove_prefix(cut + 1);
    while (!rest.empty() && is_blank(rest.front())) {
      rest.remove_prefix(1);
    }
    std::string value;
    if (!rest.empty() && rest.front() == '\'') {
      if (!take_quoted(rest, '\'', value)) {
        return {"a ' without its end", out.line};
      }
    } else {
      const auto end = std::min(rest.find_first_of(" \t\r\n"), rest.size());
      value = std::string(rest.substr(0, end));
      rest.remove_prefix(end);
    }
    out.put(std::string(key), std::move(value), out.line);
    rest = trimmed(rest);
  }
  return {};
}

UserList read_user_list(std::string_view text) {
  UserList out;
  out.error =
      for_each_line(text, [&out](std::string_view line, int) { return user_line(line, out); });
  return out;
}

}  // namespace sluice::config::convert
