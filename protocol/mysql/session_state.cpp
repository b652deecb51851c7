#include "protocol/mysql/session_state.hpp"

#include <algorithm>
#include <array>
#include <charconv>
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

std::string_view canonical(std::string_view name) {
  if (name == "tx_isolation") {
    return kIsolation;
  }
  return name == "tx_read_only" ? kReadOnly : name;
}

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
void append_value(std::string& out, std::string_view name, std::string_view value) {
  if (name == kResultsCharset && value.empty()) {
    out += "NULL";
    return;
  }
  if (is_number(value)) {
    out += value;
    return;
  }
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
    text_ += server_name(name, target_);
    text_ += "=";
    if (value == nullptr) {
      text_ += "DEFAULT";
    } else {
      append_value(text_, name, *value);
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

void set_defaults(Settings& settings, const SessionDefaults& defaults) {
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
  settings.set(canonical(name), value);
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
  if (differ(from.find(kSqlMode), to.find(kSqlMode)) ||
      (lost && to.find(kSqlMode) == nullptr && target.baseline->values.find(kSqlMode) != nullptr)) {
    out.assign(kSqlMode, to.find(kSqlMode));
  }
  return out.take();
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
