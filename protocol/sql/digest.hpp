#pragma once

// What a statement is, without its literals: the text as statistics and rules see it, a number that
// is equal for equal statements, and its kind. For both dialects; one pass of the scanner.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/sql/scanner.hpp"

namespace sluice::protocol::sql {

// By the first word of a statement, and what stands behind WITH, EXPLAIN ANALYZE and the like.
enum class StatementKind : std::uint8_t {
  empty,   // nothing but blanks and comments
  select,  // SELECT, VALUES, TABLE, WITH ... SELECT
  insert,
  update,
  delete_,
  merge,   // MERGE, REPLACE
  copy,    // COPY, LOAD DATA
  create,  // and IMPORT
  alter,   // and COMMENT, RENAME, SECURITY LABEL
  drop,
  truncate,
  grant,  // GRANT, REVOKE, SET PASSWORD; CREATE, ALTER and DROP of users and roles (with their own)
  begin,  // BEGIN, START TRANSACTION, XA START
  commit,
  rollback,
  savepoint,  // SAVEPOINT, RELEASE, ROLLBACK TO
  set,        // SET, RESET, USE, DISCARD
  show,       // SHOW, DESCRIBE, HELP
  explain,    // without ANALYZE
  call,       // CALL, DO
  prepare,    // PREPARE (with what it prepares), EXECUTE, DEALLOCATE of SQL itself
  cursor,     // DECLARE, FETCH, MOVE, CLOSE, HANDLER
  lock,       // LOCK, UNLOCK
  listen,     // LISTEN, NOTIFY, UNLISTEN
  maintain,   // VACUUM, ANALYZE, REINDEX, CLUSTER, OPTIMIZE, CHECK TABLE, FLUSH, ...
  kill,
  other,
  count_
};
std::string_view kind_name(StatementKind kind);  // lower case: "select", "delete", ...
std::optional<StatementKind> find_kind(std::string_view name);

struct Digest {
  // Of `text`; never 0.
  std::uint64_t fingerprint = 0;
  // Comments gone, literals and parameters as `?`, lists of them as one `?`, unquoted words in
  // lower case, blanks as normal_text.hpp says. At most kMaxDigest bytes.
  std::string text;
  StatementKind kind = StatementKind::empty;  // of the first statement
  std::uint32_t kinds = 0;                    // a bit for each kind that occurs
  std::uint32_t statements = 0;               // how many, empty ones left out
  // Something in it may change data, schema, roles, or whether transactions are read only, as far
  // as text tells: a false one may hide in a function. What is not known writes. Never false where
  // the server would refuse it in a read only transaction.
  bool writes = false;
  // `text` is not all of it: see normal_text().
  bool cut = false;
  // Servers may read the text differently from how it was read here (Scanner::conditional(), the
  // encodings of ScannerOptions::double_byte, a SET NAMES or sql_mode in front of another
  // statement): `text` is "?", and it writes.
  bool unclear = false;

  bool has(StatementKind one) const { return (kinds >> static_cast<unsigned>(one) & 1U) != 0; }
};

inline constexpr std::size_t kMaxDigest = 4096;

Digest digest(std::string_view text, ScannerOptions options);

// Digest::text without its bound.
std::string normal_text(std::string_view text, ScannerOptions options);

}  // namespace sluice::protocol::sql
