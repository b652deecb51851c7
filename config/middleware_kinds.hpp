#pragma once

// The kinds of value that only middleware and routes have; see kinds.hpp.

#include <cstdint>
#include <string>

namespace sluice::config {

// A decimal number without a sign or an exponent.
struct Number {
  double min;
  double max;

  std::string parse(const std::string& text, double& out) const;
  std::string type() const;
  std::string print(double value) const;
};

// Text that may be empty.
struct AnyText {
  std::string parse(const std::string& text, std::string& out) const;
  std::string type() const { return "text"; }
  std::string print(const std::string& value) const { return value; }
};

// An address or a network: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32.
struct Network {
  std::string parse(const std::string& text, std::string& out) const;
  std::string type() const { return "network"; }
  std::string print(const std::string& value) const { return value; }
};

// Of a database session: search_path, app.user; MySQL's user variables are @name.
struct SettingName {
  std::string parse(const std::string& text, std::string& out) const;
  std::string type() const { return "setting"; }
  std::string print(const std::string& value) const { return value; }
};

// A startup parameter or connection attribute.
struct ParameterName {
  std::string parse(const std::string& text, std::string& out) const;
  std::string type() const { return "parameter"; }
  std::string print(const std::string& value) const { return value; }
};

// What digests call a kind of statement: select, insert, ...
struct StatementKindName {
  std::string parse(const std::string& text, std::string& out) const;
  std::string type() const { return "statement kind"; }
  std::string print(const std::string& value) const { return value; }
  static std::string all();  // their names, for people
};

// RE2, read without regard to case.
struct Regex {
  std::string parse(const std::string& text, std::string& out) const;
  std::string type() const { return "RE2"; }
  std::string print(const std::string& value) const { return value; }
  static bool matches_all(const std::string& pattern);
};

// Five digits and capitals of a class that stands for an error.
struct SqlState {
  std::string parse(const std::string& text, std::string& out) const;
  std::string type() const { return "SQLSTATE"; }
  std::string print(const std::string& value) const { return value; }
};

// Of MySQL's errors; 0 = left out.
struct ErrorNumber {
  std::string parse(const std::string& text, std::uint16_t& out) const;
  std::string type() const { return "whole number from 1 to 65535"; }
  std::string print(std::uint16_t value) const { return value == 0 ? "" : std::to_string(value); }
};

}  // namespace sluice::config
