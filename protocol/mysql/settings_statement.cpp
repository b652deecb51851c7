// The statement that turns the settings of a backend into those of a session.

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "protocol/mysql/session_state.hpp"

namespace sluice::protocol::mysql {
namespace {

constexpr std::string_view kClientCharset = "character_set_client";
constexpr std::string_view kConnectionCharset = "character_set_connection";
constexpr std::string_view kResultsCharset = "character_set_results";
constexpr std::string_view kCollation = "collation_connection";

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool is_number(std::string_view text) {
  if (!text.empty() && text.front() == '-') {
    text.remove_prefix(1);
  }
  return !text.empty() && text.front() >= '0' && text.front() <= '9' &&
         text.find_first_not_of("0123456789.") == std::string_view::npos &&
         std::count(text.begin(), text.end(), '.') <= 1;
}

// Readable by the server whatever its sql_mode and character set are.
void append_string(std::string& out, std::string_view value) {
  const bool plain = std::all_of(value.begin(), value.end(), [](char c) {
    return c >= 0x20 && c < 0x7F && c != '\'' && c != '\\';
  });
  if (plain) {
    out.append("'").append(value).append("'");
    return;
  }
  static constexpr char kHex[] = "0123456789ABCDEF";
  out += "_utf8mb4 x'";
  for (char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    out += kHex[byte >> 4U];
    out += kHex[byte & 0xFU];
  }
  out += "'";
}

void append_value(std::string& out, std::string_view name, std::string_view value) {
  if (name == kResultsCharset && value.empty()) {
    out += "NULL";
  } else if (is_number(value)) {
    out += value;
  } else {
    append_string(out, value);
  }
}

// As an identifier, whatever is in it.
void append_name(std::string& out, std::string_view name) {
  if (is_word(name)) {
    out += name;
    return;
  }
  out += '`';
  for (char c : name) {
    out.append(c == '`' ? 2 : 1, c);
  }
  out += '`';
}

// "10.11.4-MariaDB" is 1011; a leading "5.5.5-" is a disguise.
unsigned major_minor(std::string_view version) {
  if (version.starts_with("5.5.5-")) {
    version.remove_prefix(6);
  }
  unsigned major = 0;
  unsigned minor = 0;
  const char* end = version.data() + version.size();
  auto [dot, error] = std::from_chars(version.data(), end, major);
  if (error == std::errc{} && dot != end && *dot == '.') {
    std::from_chars(dot + 1, end, minor);
  }
  return major * 100 + minor;
}

std::string_view server_name(std::string_view name, const Target& target) {
  const bool old_names = target.mariadb && major_minor(target.version) < 1101;
  if (old_names && name == kIsolation) {
    return "tx_isolation";
  }
  return old_names && name == kReadOnly ? std::string_view("tx_read_only") : name;
}

class Statement {
 public:
  explicit Statement(const Target& target) : target_(target) {}
  // Null: the value of the baseline, else the global one.
  void assign(std::string_view name, const std::string* value) {
    if (value == nullptr && target_.baseline != nullptr) {
      value = target_.baseline->values.find(name);
    }
    text_ += text_.empty() ? "SET @@SESSION." : ", @@SESSION.";
    append_name(text_, server_name(name, target_));
    text_ += "=";
    if (value == nullptr) {
      text_ += "DEFAULT";
    } else {
      append_value(text_, name, *value);
    }
  }
  // Null: it goes.
  void assign_user_variable(std::string_view name, const std::string* value) {
    text_ += text_.empty() ? "SET @" : ", @";
    append_name(text_, name);
    text_ += "=";
    if (value == nullptr) {
      text_ += "NULL";
    } else {
      append_string(text_, *value);
    }
  }
  std::string take() { return std::move(text_); }

 private:
  const Target& target_;
  std::string text_;
};

bool differ(const std::string* a, const std::string* b) {
  return (a == nullptr) != (b == nullptr) || (a != nullptr && *a != *b);
}

void assign_charset(Statement& out, const Settings& have, const Settings& want,
                    const Target& target) {
  const bool known = target.charset_known;
  const bool mariadb = target.mariadb;
  for (std::string_view name : {kClientCharset, kResultsCharset}) {
    if (!known || differ(have.find(name), want.find(name))) {
      out.assign(name, want.find(name));
    }
  }
  // Setting one of the two sets the other: a collation its character set, that its default.
  if (!known || differ(have.find(kConnectionCharset), want.find(kConnectionCharset)) ||
      differ(have.find(kCollation), want.find(kCollation))) {
    const std::string* collation = want.find(kCollation);
    const std::string* charset = want.find(kConnectionCharset);
    // MySQL's collation of the handshake, which MariaDB reads as its own default.
    const bool foreign = mariadb && collation != nullptr && *collation == "utf8mb4_0900_ai_ci";
    const bool by_charset = (collation == nullptr || foreign) && charset != nullptr;
    out.assign(by_charset ? kConnectionCharset : kCollation, by_charset ? charset : collation);
  }
}

bool carried_by_set(std::string_view name) {
  return !name.starts_with('@') && name != kSqlMode && !is_charset(name);
}

void assign_user_variables(Statement& out, const Settings& have, const Settings& want) {
  for (const auto& [name, value] : have.entries()) {
    if (name.starts_with(kUserVariable) && want.find(name) == nullptr) {
      out.assign_user_variable(std::string_view(name).substr(kUserVariable.size()), nullptr);
    }
  }
  for (const auto& [name, value] : want.entries()) {
    if (name.starts_with(kUserVariable) && differ(have.find(name), &value)) {
      out.assign_user_variable(std::string_view(name).substr(kUserVariable.size()), &value);
    }
  }
}

}  // namespace

std::string settings_statement(const SettingsPtr& have, const SettingsPtr& want,
                               const Target& target) {
  static const Settings kNone;
  const Settings& from = have ? *have : kNone;
  const Settings& to = want ? *want : kNone;
  Statement out(target);
  assign_charset(out, from, to, target);
  for (const auto& [name, value] : from.entries()) {
    if (carried_by_set(name) && to.find(name) == nullptr) {
      out.assign(name, nullptr);
    }
  }
  for (const auto& [name, value] : to.entries()) {
    if (carried_by_set(name) && differ(from.find(name), &value)) {
      out.assign(name, &value);
    }
  }
  const bool lost = target.baseline != nullptr && target.baseline->lost;
  if (lost) {
    for (const auto& [name, value] : target.baseline->values.entries()) {
      if (carried_by_set(name) && from.find(name) == nullptr && to.find(name) == nullptr) {
        out.assign(name, &value);
      }
    }
  }
  assign_user_variables(out, from, to);
  if (differ(from.find(kSqlMode), to.find(kSqlMode)) ||
      (lost && to.find(kSqlMode) == nullptr && target.baseline->values.find(kSqlMode) != nullptr)) {
    out.assign(kSqlMode, to.find(kSqlMode));
  }
  return out.take();
}

}  // namespace sluice::protocol::mysql
