#include "protocol/postgresql/session_state.hpp"

#include <algorithm>

namespace sluice::protocol::postgresql {
namespace {

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + ('a' - 'A')) : letter;
}

SettingsPtr shared(Settings settings) {
  return settings.empty() ? nullptr : share_settings(std::move(settings));
}

void append_set(std::string& sql, std::string_view name, std::string_view value) {
  sql += sql.empty() ? "SELECT pg_catalog.set_config(" : ", pg_catalog.set_config(";
  sql += quote_literal(name) + ',' + quote_literal(value) + ",false)";
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

SettingsPtr startup_settings(const Parameters& parameters, const SessionDefaults& defaults) {
  Settings settings;
  if (!defaults.isolation_level.empty()) {
    settings.set("default_transaction_isolation", lower_case(defaults.isolation_level));
  }
  if (defaults.read_only || defaults.read_only_fixed) {
    settings.set("default_transaction_read_only", "on");
  }
  const auto fixed = [&defaults](std::string_view name) {
    return std::any_of(defaults.fixed.begin(), defaults.fixed.end(),
                       [name](const std::string& one) { return same_setting_name(one, name); });
  };
  for (const auto& [name, value] : defaults.settings) {
    settings.set(lower_case(name), value);
  }
  for (const auto& [name, value] : parameters) {
    if (!fixed(name)) {
      settings.set(lower_case(name), value);
    }
  }
  return shared(std::move(settings));
}

SettingsPtr with_setting(const SettingsPtr& settings, std::string_view name,
                         std::string_view value) {
  const std::string* known = find_setting(settings, name);
  if (known != nullptr && *known == value) {
    return settings;
  }
  Settings copy = settings ? *settings : Settings{};
  copy.set(name, value);
  return shared(std::move(copy));
}

SettingsPtr without_setting(const SettingsPtr& settings, std::string_view name) {
  if (find_setting(settings, name) == nullptr) {
    return settings;
  }
  Settings copy = *settings;
  copy.erase(name);
  return shared(std::move(copy));
}

const std::string* find_setting(const SettingsPtr& settings, std::string_view name) {
  return settings ? settings->find(name) : nullptr;
}

std::string settings_difference(const SettingsPtr& has, const SettingsPtr& wants,
                                const Baseline* baseline) {
  std::string resets;
  std::string sets;
  if (has) {
    for (const auto& [name, value] : has->entries()) {
      if (find_setting(wants, name) != nullptr) {
        continue;
      }
      const std::string* initial = baseline != nullptr ? baseline->values.find(name) : nullptr;
      if (initial == nullptr) {
        resets += "RESET " + quote_name(name) + ';';
      } else if (!baseline->lost) {
        append_set(sets, name, *initial);
      }
    }
  }
  if (baseline != nullptr && baseline->lost) {
    for (const auto& [name, value] : baseline->values.entries()) {
      if (find_setting(wants, name) == nullptr) {
        append_set(sets, name, value);
      }
    }
  }
  if (wants) {
    for (const auto& [name, value] : wants->entries()) {
      const std::string* known = find_setting(has, name);
      if (known == nullptr || *known != value) {
        append_set(sets, name, value);
      }
    }
  }
  return resets.empty() && sets.empty()
             ? ""
             : "BEGIN;" + resets + sets + (sets.empty() ? "COMMIT" : ";COMMIT");
}

std::string apply_settings(const Settings& settings) {
  std::string sql;
  for (const auto& [name, value] : settings.entries()) {
    append_set(sql, name, value);
  }
  return sql;
}

std::string quote_literal(std::string_view text) {
  bool escapes = text.find('\\') != std::string_view::npos;
  std::string out = escapes ? "E'" : "'";
  for (char letter : text) {
    out.append(letter == '\'' || letter == '\\' ? 2 : 1, letter);
  }
  return out += '\'';
}

std::string quote_name(std::string_view name) {
  std::string out = "\"";
  for (char letter : name) {
    if (letter == '.') {
      out += "\".\"";
    } else {
      out.append(letter == '"' ? 2 : 1, letter);
    }
  }
  return out += '"';
}

bool same_setting_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace sluice::protocol::postgresql
