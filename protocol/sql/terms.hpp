#pragma once

// The words by which the kind of a statement is told, and whether it writes.

#include <cstdint>
#include <string_view>

#include "protocol/sql/scanner.hpp"

namespace sluice::protocol::sql {

enum class Term : std::uint8_t {
  none,
  // what a statement begins with
  abort_,
  alter,
  analyze,
  begin,
  call,
  comment,
  commit,
  copy,
  create,
  cursor,  // DECLARE, FETCH, MOVE, CLOSE, HANDLER
  deallocate,
  delete_,
  describe,
  discard,
  do_,
  drop,
  end,
  execute,
  explain,
  get,
  grant,  // GRANT, REVOKE, REASSIGN
  help,
  import,
  insert,
  kill,
  listen,  // LISTEN, NOTIFY, UNLISTEN
  load,
  lock,
  maintain,  // VACUUM, REINDEX, OPTIMIZE, ...
  merge,
  prepare,
  release,
  rename,
  replace,
  reset,
  rollback,
  savepoint,
  security,
  select,
  set,
  show,
  start,
  table,
  truncate,
  unlock,
  update,
  use,
  values,
  with,
  xa,
  // what else matters
  access,
  as,
  default_,
  explain_option,  // VERBOSE, EXTENDED, PARTITIONS
  false_,
  for_,
  format,
  from,
  global,  // GLOBAL, PERSIST, PERSIST_ONLY
  immediate,
  index,
  instance,
  into,
  key,
  local,
  next,
  no,
  not_,
  null,
  on,
  or_,
  password,
  prepared,
  privileges,
  read,
  reading,            // SET NAMES, sql_mode: how the texts that follow are read
  read_only_setting,  // transaction_read_only and its kin
  recover,
  role,  // ROLE, USER, GROUP: what can log in
  set_config,
  share,
  statement,
  stdout_,
  to,
  transaction,
  true_,
  value,
  write,
  write_function,  // nextval, setval, lo_create, ...
  keyword,         // no more than that: no name, no function
};

// Ignores case. DESC is describe, ANALYSE analyze, and so on.
Term find_term(std::string_view word);

// Of a word, or of a quoted name that has no escapes.
inline Term term_of(const Token& token) {
  const bool name =
      token.kind == TokenKind::word || (token.kind == TokenKind::quoted_word && !token.escaped);
  return name && !token.truncated ? find_term(token.text) : Term::none;
}

// A word that no operand can be: a sign behind it belongs to the number behind that, and a
// parenthesis behind it is no function's.
bool is_keyword(Term term);

}  // namespace sluice::protocol::sql
