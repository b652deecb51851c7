#pragma once

// What a MySQL or MariaDB statement does to its session, as far as its text tells: what the
// server's session trackers do not report. Looks into /*! */ bodies; skips strings, comments and
// the bodies of stored programs, which are not run by the statement that creates them.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/bytes.hpp"
#include "protocol/sql/scanner.hpp"

namespace sluice::protocol::sql {

enum class MysqlTrait : std::uint8_t {
  user_variable,     // @name
  temporary,         // CREATE TEMPORARY
  lock_tables,       // LOCK TABLES, FLUSH TABLES WITH READ LOCK
  unlock_tables,     //
  lock_instance,     // LOCK INSTANCE FOR BACKUP
  unlock_instance,   //
  named_lock,        // GET_LOCK() and its family
  release_locks,     // RELEASE_ALL_LOCKS()
  text_prepare,      // PREPARE, EXECUTE
  handler,           // HANDLER
  calc_found_rows,   // SQL_CALC_FOUND_ROWS
  found_rows,        // FOUND_ROWS() in the first statement
  row_count,         // ROW_COUNT() in the first statement
  last_insert_id,    // LAST_INSERT_ID(), @@last_insert_id, @@identity
  role,              // SET ROLE, SET SESSION AUTHORIZATION
  set,               // SET of anything
  set_statement,     // MariaDB: SET STATEMENT x = y FOR ...: undone when it ends
  set_character,     // SET CHARACTER SET: the collation depends on the schema
  uncarried,         // SET RESOURCE GROUP, BINLOG
  use,               // USE
  backend_identity,  // CONNECTION_ID(), @@pseudo_thread_id
  xa_begin,
  xa_end,       // XA COMMIT, XA ROLLBACK
  diagnostics,  // reads the warnings or errors of the statement before it
  load_local,   // LOAD ... LOCAL
  opaque,       // CALL and compound statements: may do anything
  multi,        // more than one statement
};

struct MysqlStatement {
  std::uint32_t traits = 0;
  bool kill_query = false;            // of `kill`
  std::optional<std::uint64_t> kill;  // KILL with a literal id
  bool opens_transaction = false;     // BEGIN, XA START, SET autocommit = 0, without their ends
  std::string collation;              // SET NAMES ... COLLATE this; trackers do not tell it

  bool has(MysqlTrait trait) const { return (traits & bit(trait)) != 0; }
  bool any(std::initializer_list<MysqlTrait> list) const {
    std::uint32_t bits = 0;
    for (MysqlTrait trait : list) {
      bits |= bit(trait);
    }
    return (traits & bits) != 0;
  }
  void add(MysqlTrait trait) { traits |= bit(trait); }
  void clear() {
    traits = 0;
    opens_transaction = false;
    kill_query = false;
    kill.reset();
    collation.clear();
  }
  static constexpr std::uint32_t bit(MysqlTrait trait) {
    return 1U << static_cast<unsigned>(trait);
  }
};

// How the session's sql_mode makes text read.
struct MysqlSyntax {
  bool ansi_quotes = false;
  bool backslash_escapes = true;
};

class MysqlClassifier {
 public:
  explicit MysqlClassifier(MysqlSyntax syntax);

  void feed(Bytes text);
  // The text is complete.
  void finish();
  // What has been seen so far.
  const MysqlStatement& statement() const { return statement_; }

 private:
  enum class Head : std::uint8_t {
    none,    // no word yet
    other,   // nothing in its further words matters
    stored,  // the body of a stored program: all the rest is its text
    set,
    lock,
    unlock,
    flush,
    create,
    alter,
    show,
    get,
    kill,
    load,
    xa,
    begin,
    start,
  };
  enum class Names : std::uint8_t { none, charset, collate, value };

  void take(const Token& token);
  void first_word(std::string_view word);
  void head_word(const Token& token);
  void set_word(const Token& token);
  void create_word(std::string_view word);
  void kill_token(const Token& token);
  void variable(const Token& token);
  void mention(std::string_view word);
  void function_call();

  Scanner scanner_;
  MysqlStatement statement_;
  Head head_ = Head::none;
  Names names_ = Names::none;
  bool first_ = true;          // in the first statement of the text
  bool call_pending_ = false;  // `word_` was a word; '(' may follow
  bool autocommit_ = false;    // SET autocommit: its value comes next
  bool assignment_ = false;    // SET: the next word starts an assignment
  std::uint8_t words_ = 0;     // tokens of this statement, saturating
  std::uint8_t at_ = 0;        // '@' seen just before
  std::uint64_t last_end_ = 0;
  TokenKind last_kind_ = TokenKind::symbol;
  std::string word_;
};

MysqlStatement classify_mysql(std::string_view text, MysqlSyntax syntax);

}  // namespace sluice::protocol::sql
