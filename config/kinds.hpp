#pragma once

// The kinds of value that an option can have. Each parses a text (already expanded) into a member,
// prints a member, and names itself for the documentation. parse() returns what is wrong, "" when
// nothing is, and never the value itself: it may be a secret in the wrong place.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/suggest.hpp"
#include "config/units.hpp"

namespace sluice::config {

// Any text that is not empty.
struct Text {
  std::string_view what = "text";
  std::string parse(const std::string& text, std::string& out) const;
  std::string type() const { return std::string(what); }
  std::string print(const std::string& value) const { return value; }
};

// Text with more in it than blanks and semicolons.
struct Sql {
  std::string parse(const std::string& text, std::string& out) const;
  std::string type() const { return "SQL"; }
  std::string print(const std::string& value) const { return value; }
};

// Letters, digits, "_", "-" and "."; it becomes a label of metrics and part of messages.
struct Name {
  std::string parse(const std::string& text, std::string& out) const;
  std::string type() const { return "name"; }
  std::string print(const std::string& value) const { return value; }
};

struct Boolean {
  std::string parse(const std::string& text, bool& out) const;
  std::string type() const { return "true or false"; }
  std::string print(bool value) const { return value ? "true" : "false"; }
};

struct Integer {
  std::int64_t min;
  std::int64_t max;

  template <typename I>
  std::string parse(const std::string& text, I& out) const {
    const auto number = parse_integer(text);
    if (!number || *number < min || *number > max) {
      return (min == max ? "must be " : "must be a ") + type();
    }
    out = static_cast<I>(*number);
    return {};
  }
  std::string type() const {
    if (min == max) {
      return std::to_string(min);
    }
    return "whole number from " + std::to_string(min) + " to " + std::to_string(max);
  }
  template <typename I>
  std::string print(I value) const {
    return std::to_string(value);
  }
};

// auto, or a number of threads.
struct Workers {
  std::string parse(const std::string& text, unsigned& out) const;
  std::string type() const { return "auto or a whole number from 1 to 1024"; }
  std::string print(unsigned value) const { return value == 0 ? "auto" : std::to_string(value); }
};

struct Span {
  std::chrono::milliseconds min{0};
  bool never = false;  // -1 is taken

  std::string parse(const std::string& text, std::chrono::milliseconds& out) const;
  std::string type() const { return never ? "duration or -1" : "duration"; }
  std::string print(std::chrono::milliseconds value) const { return print_duration(value); }
};

struct Size {
  std::uint64_t min;
  std::uint64_t max;

  std::string parse(const std::string& text, std::size_t& out) const;
  std::string type() const { return "size from " + print_size(min) + " to " + print_size(max); }
  std::string print(std::size_t value) const { return print_size(value); }
};

// One word of a few; `later` are words that are known and not built yet.
template <typename E>
struct Choice {
  struct Row {
    std::string_view name;
    E value;
  };
  std::vector<Row> rows;
  std::vector<std::string_view> later;

  std::string parse(const std::string& text, E& out) const {
    for (const Row& row : rows) {
      if (row.name == text) {
        out = row.value;
        return {};
      }
    }
    if (std::find(later.begin(), later.end(), text) != later.end()) {
      return "\"" + text + "\" is not supported yet";
    }
    std::vector<std::string> names;
    for (const Row& row : rows) {
      names.emplace_back(row.name);
    }
    return "must be " + type() + did_you_mean(text, names);
  }
  std::string type() const {
    std::string out;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      out += i == 0 ? "" : (i + 1 == rows.size() ? " or " : ", ");
      out += rows[i].name;
    }
    return out;
  }
  std::string print(const E& value) const {
    for (const Row& row : rows) {
      if (row.value == value) {
        return std::string(row.name);
      }
    }
    return {};
  }
};

// As SQLAlchemy takes them: in any case, "_" for a space.
struct Isolation {
  std::string parse(const std::string& text, std::string& out) const;
  std::string type() const;
  std::string print(const std::string& value) const { return value; }
};

struct Bind {
  std::string parse(const std::string& text, Address& out) const;
  std::string type() const { return "address"; }
  std::string print(const Address& value) const;
};

struct Pattern {
  std::string parse(const std::string& text, std::string& out) const;
  std::string type() const { return "pattern"; }
  std::string print(const std::string& value) const { return value; }
};

}  // namespace sluice::config
