#pragma once

// What a statement is, without its literals: the text as statistics and rules see it, a number that
// is equal for equal statements, and its kind. For both dialects; one pass of the scanner.

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/sql/scanner.hpp"

namespace sluice::protocol::sql {

// By the first word of a statement, and what stands behind WITH, EXPLAIN and the like.
enum class StatementKind : std::uint8_t {
  empty,   // nothing but blanks and comments
  select,  // SELECT, VALUES, TABLE, WITH ... SELECT
  insert,
  update,
  delete_,
  merge,   // MERGE, REPLACE
  copy,    // COPY, LOAD DATA
  create,  // and ALTER, COMMENT, RENAME below: what changes the schema
  alter,
  drop,
  truncate,
  grant,  // GRANT, REVOKE, and what else changes roles
  begin,  // BEGIN, START TRANSACTION, XA START
  commit,
  rollback,
  savepoint,  // SAVEPOINT, RELEASE, ROLLBACK TO
  set,        // SET, RESET, USE
  show,       // SHOW, DESCRIBE
  explain,    // without ANALYZE
  call,       // CALL, DO
  prepare,    // PREPARE, EXECUTE, DEALLOCATE of SQL itself
  cursor,     // DECLARE, FETCH, MOVE, CLOSE, HANDLER
  lock,       // LOCK, UNLOCK
  listen,     // LISTEN, NOTIFY, UNLISTEN
  maintain,   // VACUUM, ANALYZE, REINDEX, CLUSTER, OPTIMIZE, CHECK TABLE, ...
  kill,
  other,
  count_
};
std::string_view kind_name(StatementKind kind);  // lower case: "select", "delete", ...

struct Digest {
  // Of `text`; never 0.
  std::uint64_t fingerprint = 0;
  // Comments gone, blanks as one, literals and parameters as `?`, lists of them as one `?`,
  // unquoted words in lower case. At most kMaxDigest bytes.
  std::string text;
  StatementKind kind = StatementKind::empty;  // of the first statement
  std::uint32_t kinds = 0;                    // a bit for each kind that occurs
  std::uint32_t statements = 0;               // how many, empty ones left out
  // Something in it may change data, schema, roles, or whether transactions are read only, as far
  // as text tells: a false one may hide in a function.
  bool writes = false;

  bool has(StatementKind one) const { return (kinds >> static_cast<unsigned>(one) & 1U) != 0; }
};

inline constexpr std::size_t kMaxDigest = 4096;

Digest digest(std::string_view text, ScannerOptions options);

}  // namespace sluice::protocol::sql
