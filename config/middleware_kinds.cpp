#include "config/middleware_kinds.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "config/cidr.hpp"
#include "config/kinds.hpp"
#include "config/suggest.hpp"
#include "protocol/sql/digest.hpp"

namespace sluice::config {
namespace {

constexpr std::size_t kMaxName = 63;
constexpr std::size_t kMaxRegex = 4096;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_identifier(std::string_view text) {
  return !text.empty() && !is_digit(text.front()) && text.front() != '$' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '$'; });
}

// Identifiers with dots between them.
bool is_dotted(std::string_view text) {
  while (true) {
    const auto dot = text.find('.');
    if (!is_identifier(text.substr(0, dot))) {
      return false;
    }
    if (dot == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(dot + 1);
  }
}

std::string print_number(double value) {
  std::array<char, 32> buffer{};
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return error == std::errc{} ? std::string(buffer.data(), end) : std::string();
}

const std::vector<std::string>& statement_kinds() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (std::uint8_t i = 0; i < static_cast<std::uint8_t>(protocol::sql::StatementKind::count_);
         ++i) {
      const auto name = protocol::sql::kind_name(static_cast<protocol::sql::StatementKind>(i));
      if (name != "empty") {
        all.emplace_back(name);
      }
    }
    return all;
  }();
  return names;
}

re2::RE2::Options regex_options() {
  re2::RE2::Options options;
  options.set_case_sensitive(false);
  options.set_log_errors(false);
  return options;
}

}  // namespace

std::string Number::parse(const std::string& text, double& out) const {
  const bool plain = !text.empty() && is_digit(text.front()) && is_digit(text.back()) &&
                     text.find_first_not_of("0123456789.") == std::string::npos &&
                     std::count(text.begin(), text.end(), '.') <= 1;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!plain || error != std::errc{} || end != text.data() + text.size() || value < min ||
      value > max) {
    return "must be a " + type();
  }
  out = value;
  return {};
}

std::string Number::type() const {
  return "number from " + print_number(min) + " to " + print_number(max);
}

std::string Number::print(double value) const {
  return print_number(value);
}

std::string AnyText::parse(const std::string& text, std::string& out) const {
  out = text;
  return {};
}

std::string Network::parse(const std::string& text, std::string& out) const {
  Cidr block;
  std::string why = parse_cidr(text, block);
  if (why.empty()) {
    out = text;
  }
  return why;
}

std::string SettingName::parse(const std::string& text, std::string& out) const {
  if (protocol::sql::same_word(text, "role") ||
      protocol::sql::same_word(text, "session_authorization")) {
    return "is no setting to give: who a session is belongs to its login";
  }
  const bool variable = text.starts_with('@');
  if (text.size() > kMaxName || !is_dotted(std::string_view(text).substr(variable ? 1 : 0))) {
    return "must be the name of a setting, such as search_path, app.user or @app_user";
  }
  out = text;
  return {};
}

std::string ParameterName::parse(const std::string& text, std::string& out) const {
  const bool good =
      !text.empty() && text.size() <= kMaxName && std::all_of(text.begin(), text.end(), [](char c) {
        return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.';
      });
  if (!good) {
    return "must be a name of 1 to 63 letters, digits, \"_\", \"-\" and \".\"";
  }
  out = text;
  return {};
}

std::string StatementKindName::parse(const std::string& text, std::string& out) const {
  const auto& names = statement_kinds();
  if (std::find(names.begin(), names.end(), text) == names.end()) {
    const std::string near = did_you_mean(text, names);
    return "must be a kind of statement" + (near.empty() ? ": " + all() : near);
  }
  out = text;
  return {};
}

std::string StatementKindName::all() {
  std::string out;
  for (const std::string& name : statement_kinds()) {
    out += (out.empty() ? "" : ", ") + name;
  }
  return out;
}

std::string Regex::parse(const std::string& text, std::string& out) const {
  if (text.empty()) {
    return "must not be empty";
  }
  if (text.size() > kMaxRegex) {
    return "is longer than " + std::to_string(kMaxRegex) + " bytes";
  }
  const re2::RE2 regex(text, regex_options());
  if (!regex.ok()) {
    // Without the part that is wrong: it may be a secret in the wrong place.
    const std::string& why = regex.error();
    const std::string& part = regex.error_arg();
    const bool told = !part.empty() && why.ends_with(": " + part);
    return "must be a regular expression of RE2: " +
           why.substr(0, told ? why.size() - part.size() - 2 : why.find(": "));
  }
  out = text;
  return {};
}

bool Regex::matches_all(const std::string& pattern) {
  const re2::RE2 regex(pattern, regex_options());
  return regex.ok() && re2::RE2::PartialMatch("", regex);
}

std::string SqlState::parse(const std::string& text, std::string& out) const {
  const bool shape = text.size() == 5 && std::all_of(text.begin(), text.end(), [](char c) {
                       return is_digit(c) || (c >= 'A' && c <= 'Z');
                     });
  if (!shape) {
    return "must be five digits and capital letters, such as \"28000\"";
  }
  const std::string kind = text.substr(0, 2);
  if (kind == "00" || kind == "01" || kind == "02") {
    return "must stand for an error; the classes 00, 01 and 02 do not";
  }
  out = text;
  return {};
}

std::string ErrorNumber::parse(const std::string& text, std::uint16_t& out) const {
  return Integer{1, UINT16_MAX}.parse(text, out);
}

}  // namespace sluice::config
