#include "protocol/mysql/session_state.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/collations.hpp"

namespace sluice::protocol::mysql {
namespace {

constexpr std::string_view kClientCharset = "character_set_client";
constexpr std::string_view kConnectionCharset = "character_set_connection";
constexpr std::string_view kResultsCharset = "character_set_results";
constexpr std::string_view kCollation = "collation_connection";

// State that a SET on another backend would not bring back: it runs down as statements use it, has
// no default to go back to, or depends on something else of the session.
constexpr std::array<std::string_view, 15> kPinned{"timestamp",
                                                   "insert_id",
                                                   "rand_seed1",
                                                   "rand_seed2",
                                                   "pseudo_thread_id",
                                                   "pseudo_slave_mode",
                                                   "pseudo_replica_mode",
                                                   "gtid_next",
                                                   "gtid_seq_no",
                                                   "profiling",
                                                   "sql_auto_is_null",
                                                   "character_set_database",
                                                   "collation_database",
                                                   "character_set_collations",
                                                   "original_commit_timestamp"};

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool differ(const std::string* a, const std::string* b) {
  return (a == nullptr) != (b == nullptr) || (a != nullptr && *a != *b);
}

void set_charset(Settings& settings, std::uint16_t id, bool mariadb) {
  const Collation* collation = find_collation(id, mariadb);
  if (collation == nullptr) {
    return;
  }
  settings.set(kClientCharset, collation->charset);
  settings.set(kConnectionCharset, collation->charset);
  settings.set(kResultsCharset, collation->charset);
  settings.set(kCollation, collation->name);
}

std::string key_of(std::string_view name) {
  const std::string folded = sql::fold_variable(name);
  return folded.starts_with('@') ? std::string(kUserVariable) + folded.substr(1) : folded;
}

void set_defaults(Settings& settings, const SessionDefaults& defaults) {
  for (const auto& [name, value] : defaults.settings) {
    const std::string key = key_of(name);
    if (settings.find(key) == nullptr) {  // the client's own character set stays
      settings.set(key, value);
    }
  }
  if (!defaults.isolation_level.empty()) {
    std::string value = defaults.isolation_level;
    std::replace(value.begin(), value.end(), ' ', '-');
    settings.set(kIsolation, value);
  }
  if (defaults.read_only) {
    settings.set(kReadOnly, "ON");
  }
  if (defaults.autocommit) {
    settings.set(kAutocommit, *defaults.autocommit ? "ON" : "OFF");
  }
}

}  // namespace

bool is_charset(std::string_view name) {
  return name == kClientCharset || name == kConnectionCharset || name == kResultsCharset ||
         name == kCollation;
}

SettingsPtr initial_settings(const ClientLogin& login, const SessionDefaults& defaults) {
  Settings settings;
  if (!login.database.empty()) {
    settings.set(kSchema, login.database);
  }
  if ((login.capabilities & capability::kMultiStatements) != 0) {
    settings.set(kMultiStatements, "1");
  }
  set_charset(settings, login.collation, false);
  set_defaults(settings, defaults);
  return share_settings(std::move(settings));
}

SettingsPtr reset_settings(const SettingsPtr& before, const ClientLogin& login,
                           const SessionDefaults& defaults, bool mariadb) {
  Settings settings;
  for (std::string_view name : {kSchema, kMultiStatements}) {
    if (const std::string* value = before ? before->find(name) : nullptr) {
      settings.set(name, *value);
    }
  }
  if (mariadb) {
    set_charset(settings, login.collation, true);
  }
  set_defaults(settings, defaults);
  return share_settings(std::move(settings));
}

sql::MysqlLocks locks_of(const SessionDefaults& defaults) {
  sql::MysqlLocks locks;
  for (const std::string& name : defaults.fixed) {
    locks.fixed.push_back(sql::fold_variable(name));
  }
  for (const auto& [name, value] : defaults.settings) {
    if (name.starts_with('@')) {
      locks.carried.push_back(sql::fold_variable(name));
    }
  }
  locks.read_only = defaults.read_only_fixed;
  return locks;
}

bool keep_locked(Settings& settings, const Settings& wanted, const sql::MysqlLocks& locks) {
  bool changed = false;
  const auto keep = [&](std::string_view name) {
    const std::string* value = wanted.find(name);
    if (!differ(settings.find(name), value)) {
      return;
    }
    changed = true;
    if (value != nullptr) {
      settings.set(name, *value);
    } else {
      settings.erase(name);
    }
  };
  for (const std::string& name : locks.fixed) {
    keep(name);
  }
  if (locks.read_only) {
    keep(kReadOnly);
  }
  return changed;
}

Change apply_variable(Settings& settings, std::string_view name, std::string_view value) {
  if (name == "statement_id") {
    return Change::ignored;
  }
  if (name == "last_insert_id" || name == "identity") {
    return Change::insert_id;
  }
  if (name.starts_with("session_track_")) {
    return Change::tracking;
  }
  if (std::find(kPinned.begin(), kPinned.end(), name) != kPinned.end() || !is_word(name)) {
    const bool harmless = (name == "sql_auto_is_null" || name == "profiling") && value == "OFF";
    return harmless || (name == "gtid_next" && value == "AUTOMATIC") ? Change::ignored
                                                                     : Change::pinned;
  }
  if (name == kConnectionCharset) {
    settings.erase(kCollation);  // it is the default of the character set now
  }
  settings.set(sql::fold_variable(name), value);
  return Change::carried;
}

bool apply_schema(Settings& settings, std::string_view schema) {
  if (schema.empty()) {
    settings.erase(kSchema);
    return true;
  }
  settings.set(kSchema, schema);
  // The tracker writes UTF-8; COM_INIT_DB reads the client's character set.
  const bool ascii =
      std::all_of(schema.begin(), schema.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  const std::string* charset = settings.find(kClientCharset);
  return ascii || (charset != nullptr && charset->starts_with("utf8"));
}

std::uint64_t parse_context(const SettingsPtr& settings) {
  std::uint64_t hash = 0;
  for (std::string_view name :
       {kSchema, kSqlMode, kClientCharset, kConnectionCharset, kCollation}) {
    hash = hash * 1099511628211ULL + std::hash<std::string_view>{}(setting(settings, name));
  }
  return hash;
}

bool names_schema(const Settings& settings) {
  for (const auto& [name, value] : settings.entries()) {
    if (name >= kSchema) {
      return name == kSchema && !value.empty();
    }
  }
  return false;
}

std::string_view setting(const SettingsPtr& settings, std::string_view name) {
  const std::string* value = settings ? settings->find(name) : nullptr;
  return value != nullptr ? std::string_view(*value) : std::string_view();
}

}  // namespace sluice::protocol::mysql
