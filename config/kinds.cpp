#include "config/kinds.hpp"

#include <array>
#include <cctype>

#include "config/address.hpp"
#include "config/pattern.hpp"

namespace sluice::config {
namespace {

constexpr std::size_t kMaxName = 63;
constexpr std::array<std::string_view, 5> kIsolationLevels{
    "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "AUTOCOMMIT"};

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

}  // namespace

std::string Text::parse(const std::string& text, std::string& out) const {
  if (text.empty()) {
    return "must not be empty";
  }
  out = text;
  return {};
}

std::string Sql::parse(const std::string& text, std::string& out) const {
  if (text.find_first_not_of(" \t\r\n\v\f;") == std::string::npos) {
    return "must hold a statement; leave the key out for none";
  }
  out = text;
  return {};
}

std::string Name::parse(const std::string& text, std::string& out) const {
  if (text.empty() || text.size() > kMaxName ||
      !std::all_of(text.begin(), text.end(), is_name_byte)) {
    return "must be a name of 1 to 63 letters, digits, \"_\", \"-\" and \".\"";
  }
  out = text;
  return {};
}

std::string Boolean::parse(const std::string& text, bool& out) const {
  const auto value = parse_boolean(text);
  if (!value) {
    return "must be true or false";
  }
  out = *value;
  return {};
}

std::string Workers::parse(const std::string& text, unsigned& out) const {
  if (text == "auto") {
    out = 0;
    return {};
  }
  return Integer{1, 1024}.parse(text, out).empty() ? "" : "must be " + type();
}

std::string Span::parse(const std::string& text, std::chrono::milliseconds& out) const {
  const auto value = parse_duration(text);
  if (never && text == "-1") {
    out = std::chrono::milliseconds(-1);
    return {};
  }
  if (!value) {
    return std::string("must be a duration with its unit, such as \"500ms\", \"30s\" or \"10m\"") +
           (never ? ", or -1 for never" : "");
  }
  if (*value < min) {
    return "must be at least " + print_duration(min);
  }
  out = *value;
  return {};
}

std::string Size::parse(const std::string& text, std::size_t& out) const {
  const auto value = parse_size(text);
  if (!value) {
    return "must be a size with its unit, such as \"64KiB\", \"16MiB\" or \"1GiB\"";
  }
  if (*value < min || *value > max) {
    return "must be a " + type();
  }
  out = static_cast<std::size_t>(*value);
  return {};
}

std::string Isolation::parse(const std::string& text, std::string& out) const {
  std::string level;
  for (const char c : text) {
    level += c == '_' ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  if (std::find(kIsolationLevels.begin(), kIsolationLevels.end(), level) ==
      kIsolationLevels.end()) {
    return "must be " + type() +
           did_you_mean(level, {kIsolationLevels.begin(), kIsolationLevels.end()});
  }
  out = level;
  return {};
}

std::string Isolation::type() const {
  return "READ UNCOMMITTED, READ COMMITTED, REPEATABLE READ, SERIALIZABLE or AUTOCOMMIT";
}

std::string Bind::parse(const std::string& text, Address& out) const {
  return parse_bind(text, out);
}

std::string Bind::print(const Address& value) const {
  return print_address(value);
}

std::string Pattern::parse(const std::string& text, std::string& out) const {
  if (text.empty() || !is_pattern(text)) {
    return "must be a shell pattern; * matches everything";
  }
  out = text;
  return {};
}

}  // namespace sluice::config
