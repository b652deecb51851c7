#pragma once

// The session settings of MySQL as a value (protocol/settings.hpp): which variables are carried
// from backend to backend, under which names, and the statement that turns one value into another.
//
//   "@schema"  the default schema        "@multi"  "1" where multi-statements are on
//   "@:name"   the user variable @name, which sluice sets for the session
//   every other name is a system variable with the value that the server's tracker reported;
//   tx_isolation and tx_read_only are stored as transaction_isolation, transaction_read_only.
//   A name that is not there has the server's global value.

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/baseline.hpp"
#include "protocol/bytes.hpp"
#include "protocol/conversation.hpp"
#include "protocol/mysql/session_track.hpp"
#include "protocol/settings.hpp"
#include "protocol/sql/mysql_locks.hpp"

namespace sluice::protocol::mysql {

inline constexpr std::string_view kSchema = "@schema";
inline constexpr std::string_view kMultiStatements = "@multi";
inline constexpr std::string_view kUserVariable = "@:";  // before its name, in lower case
inline constexpr std::string_view kIsolation = "transaction_isolation";
inline constexpr std::string_view kReadOnly = "transaction_read_only";
inline constexpr std::string_view kAutocommit = "autocommit";
inline constexpr std::string_view kSqlMode = "sql_mode";

// What a client's login and the pool's defaults make of a session.
SettingsPtr initial_settings(const ClientLogin& login, const SessionDefaults& defaults);
// ... and what COM_RESET_CONNECTION leaves of it: the schema, multi-statements, the defaults.
// MariaDB goes back to the character set of the login, MySQL to its global one.
SettingsPtr reset_settings(const SettingsPtr& before, const ClientLogin& login,
                           const SessionDefaults& defaults, bool mariadb);

// What `defaults` lets a client change no more, and which user variables they carry.
sql::MysqlLocks locks_of(const SessionDefaults& defaults);
// The settings among `fixed` and, where transactions stay read only, theirs have in `settings` the
// values that they have in `wanted`. True if one had another.
bool keep_locked(Settings& settings, const Settings& wanted, const sql::MysqlLocks& locks);

// What a change reported by a tracker means.
enum class Change : std::uint8_t {
  ignored,    // reported by every statement, or not state
  carried,    // stored; replayed on other backends
  insert_id,  // LAST_INSERT_ID() was set
  tracking,   // the client switched trackers itself
  pinned,     // state that cannot be replayed
};
// Applies one reported system variable to `settings`.
Change apply_variable(Settings& settings, std::string_view name, std::string_view value);
// Applies a reported schema; false when its name cannot be replayed.
bool apply_schema(Settings& settings, std::string_view schema);

struct Target {
  bool mariadb = false;
  std::string_view version;
  bool charset_known = true;           // false: right after a login or a reset
  const Baseline* baseline = nullptr;  // what init_sql has set; null: nothing
};
// SET ... that makes a session with `have` into one with `want`, sql_mode last. Empty: nothing to
// do. The schema and multi-statements are not in it: commands of their own set them.
std::string settings_statement(const SettingsPtr& have, const SettingsPtr& want,
                               const Target& target);

// Two sessions with equal contexts read statement text alike: schema, sql_mode, character set.
std::uint64_t parse_context(const SettingsPtr& settings);

// Belongs to the character set of the client.
bool is_charset(std::string_view name);

// Whether there is a default schema. Asked at every lease; its name sorts before nearly all others.
bool names_schema(const Settings& settings);
// The value of a setting; empty when it is not there.
std::string_view setting(const SettingsPtr& settings, std::string_view name);

}  // namespace sluice::protocol::mysql
