#include "proxy/middleware/session_setting.hpp"

#include <algorithm>
#include <utility>

namespace sluice::proxy::middleware {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// Words with a dot between them.
bool is_name(std::string_view name) {
  bool begins = true;
  for (const char c : name) {
    const bool follows = (c >= '0' && c <= '9') || c == '$';
    if (c == '.' ? begins : !is_letter(c) && (begins || !follows)) {
      return false;
    }
    begins = c == '.';
  }
  return !begins;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
}

}  // namespace

std::string setting_problem(std::string_view name) {
  const std::string word = lower(name);
  if (word == "role" || word == "session_authorization") {
    return "who a session is belongs to its login: it cannot be set here";
  }
  if (!is_name(name.starts_with('@') ? name.substr(1) : name)) {
    return "must be the name of a setting, as in app.user, time_zone or @app_user";
  }
  return {};
}

std::optional<std::string> setting_name(std::string_view name, protocol::Protocol protocol) {
  std::string result = lower(name);
  if (protocol == protocol::Protocol::postgresql) {
    return name.starts_with('@') ? std::nullopt : std::optional(std::move(result));
  }
  const bool dotted = result.find('.') != std::string::npos;
  std::replace(result.begin(), result.end(), '.', '_');
  return dotted && !result.starts_with('@') ? '@' + result : result;
}

void put_setting(Login& login, std::string name, std::string value) {
  std::erase_if(login.settings, [&](const auto& setting) { return setting.first == name; });
  login.settings.emplace_back(std::move(name), std::move(value));
}

void fix_setting(Login& login, std::string name, std::string value) {
  if (std::find(login.fixed.begin(), login.fixed.end(), name) == login.fixed.end()) {
    login.fixed.push_back(name);
  }
  put_setting(login, std::move(name), std::move(value));
}

}  // namespace sluice::proxy::middleware
