#pragma once

// Settings of a MySQL session that its client must leave alone, and user variables that sluice
// itself carries: does a text change one of them? Reads tokens, not grammar, and errs towards "it
// does". What a stored program does is not seen.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/bytes.hpp"
#include "protocol/sql/mysql_classifier.hpp"
#include "protocol/sql/scanner.hpp"

namespace sluice::protocol::sql {

// All names as fold_variable() gives them; "@name" is a user variable.
struct MysqlLocks {
  std::vector<std::string> fixed;    // may not be changed
  std::vector<std::string> carried;  // user variables that every backend of the session has
  bool read_only = false;            // transactions may not be made read write

  bool locks() const { return read_only || !fixed.empty(); }
};

// In lower case; tx_isolation and tx_read_only by their new names.
std::string fold_variable(std::string_view name);

class MysqlLockReader {
 public:
  enum class Breach : std::uint8_t {
    none,
    setting,     // name() is fixed and would be changed
    read_write,  // transactions would become read write
    unseen,      // runs what cannot be seen: PREPARE, EXECUTE, compound statements
  };

  // `locks` outlives the reader.
  MysqlLockReader(const MysqlLocks& locks, MysqlSyntax syntax);

  void feed(Bytes text);
  // The text is complete.
  void finish();

  // The first that was found.
  Breach breach() const { return breach_; }
  const std::string& name() const { return name_; }
  // No user variable is mentioned but those that are carried, and they are only read.
  bool only_carried() const { return !foreign_; }

 private:
  enum class Verb : std::uint8_t {
    none,    // no word yet
    reads,   // user variables are read, unless ':=' follows or INTO came before
    target,  // SET: an assignment begins
    set,     // SET: in its value
    begin,   // BEGIN, START
    other,   // may change what it mentions
  };

  void take(const Token& token);
  bool in_variable(const Token& token);
  void end_variable();
  void end_statement();
  void plain(const Token& token);
  void first_word(std::string_view word);
  void begin_word(std::string_view word);
  void set_token(const Token& token, const std::string& word);
  void set_target(std::string_view name);
  void follow_into(const Token& token, std::string_view word);
  void assign_user_variable();
  void assign(std::string_view name);
  void breach(Breach breach, std::string_view name = {});

  const MysqlLocks& locks_;
  Scanner scanner_;
  Breach breach_ = Breach::none;
  Verb verb_ = Verb::none;
  bool foreign_ = false;
  bool statement_ = false;   // MariaDB: SET STATEMENT assignments FOR statement
  bool global_ = false;      // of the assignment that begins
  bool quoted_ = false;      // the variable's name is in quotes
  bool escaped_ = false;     // ... with escapes: it may be any name
  bool assigned_ = false;    // the variable that is read stands where it is assigned
  bool colon_ = false;       // a variable was just read: ':=' may follow
  std::uint8_t signs_ = 0;   // '@' before the variable that is read
  std::uint8_t into_ = 0;    // 1: a variable may follow INTO; 2: a comma and another one
  std::uint32_t depth_ = 0;  // of parentheses
  std::uint32_t words_ = 0;  // tokens of this statement
  std::uint64_t last_end_ = 0;
  TokenKind last_kind_ = TokenKind::symbol;
  std::string variable_;  // as written, without '@'
  std::string name_;
  std::string previous_;  // word
};

}  // namespace sluice::protocol::sql
