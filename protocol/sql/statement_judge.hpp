#pragma once

// The kinds of the statements of a text, and whether one of them writes, from its tokens. Reads
// words, not grammar, and errs towards "it writes": a refusal too many is told to the client, one
// too few changes data. What a text cannot tell (functions, procedures) the server must judge.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/sql/digest.hpp"
#include "protocol/sql/scanner.hpp"
#include "protocol/sql/terms.hpp"

namespace sluice::protocol::sql {

class StatementJudge {
 public:
  // Of `source`, which outlives this.
  StatementJudge(std::string_view source, ScannerOptions options)
      : source_(source), options_(options) {}

  // Each token of the source, in order, and what term_of() it is.
  void take(const Token& token, Term term);
  // Once, after the last.
  void finish() { end_statement(); }

  StatementKind kind() const { return first_; }
  std::uint32_t kinds() const { return kinds_; }
  std::uint32_t statements() const { return statements_; }
  bool writes() const { return writes_; }
  // MySQL reads a text statement by statement: one of them changed how the next is read.
  bool unclear() const { return unclear_; }

 private:
  enum class Phase : std::uint8_t {
    start,    // before the word that tells the kind
    done,     // nothing but what matters anywhere
    with,     // before the statement behind WITH
    explain,  // before the statement, or the table, behind EXPLAIN
    explain_options,
    analyze,  // MySQL: tables, or MariaDB's statement
    set,
    set_statement,  // MariaDB: SET STATEMENT ... FOR
    reset,
    begin,  // the modes of a transaction
    start_word,
    commit,
    rollback,
    object,  // what CREATE, ALTER and DROP are about
    copy,
    copy_to,
    load,
    lock,
    xa,
    prepare,
    prepare_text,  // MySQL: PREPARE x FROM, EXECUTE IMMEDIATE
    execute,
    code,  // PostgreSQL: DO
  };

  struct Verb {
    StatementKind kind = StatementKind::other;
    bool writes = true;
    Phase phase = Phase::done;
  };
  Verb verb_of(Term term) const;

  void begin(const Token& token, Term term);
  void end_statement();
  void step(const Token& token, Term term);
  void step_explain(const Token& token, Term term);
  bool explainable(Term term) const;
  void step_set(const Token& token, Term term);
  void step_object(Term term);
  void step_copy(const Token& token, Term term);
  void step_prepare(const Token& token, Term term);
  void step_transaction(Term term);
  void anywhere(const Token& token, Term term);
  void follow(const Token& token, Term term);
  void follow_set_config(const Token& token);
  void inner_text(const Token& token);
  void words_of_code(std::string_view code);

  void set_kind(StatementKind kind);
  void add(StatementKind kind) { kinds_ |= 1U << static_cast<unsigned>(kind); }
  // MySQL refuses EXPLAIN of what writes, too, in a read only transaction.
  void wrote() { writes_ = writes_ || !planned_ || options_.mysql; }
  void changes(StatementKind kind);
  std::string_view raw(const Token& token) const {
    return source_.substr(token.begin, token.end - token.begin);
  }

  std::string_view source_;
  ScannerOptions options_;

  // of the text
  StatementKind first_ = StatementKind::empty;
  std::uint32_t kinds_ = 0;
  std::uint32_t statements_ = 0;
  bool writes_ = false;
  bool unclear_ = false;
  bool read_anew_ = false;  // a statement behind this one is read in another way

  // of the statement
  Phase phase_ = Phase::start;
  StatementKind kind_ = StatementKind::empty;
  bool fixed_ = false;    // kind_ stays, whatever stands inside
  bool planned_ = false;  // EXPLAIN: what stands inside is not run
  bool with_ = false;     // there is a WITH: any verb may change data
  bool analyze_ = false;
  bool weak_lock_ = false;
  bool target_ = false;         // SET: the next name is what is set
  std::uint8_t read_only_ = 0;  // SET x_read_only: 1 the value comes next, 2 it was true
  std::uint8_t config_ = 0;     // set_config: 1 '(' comes next, 2 the name, 3 ','
  std::uint32_t tokens_ = 0;
  std::uint32_t depth_ = 0;  // of parentheses

  // the token before
  Term previous_ = Term::none;  // if it was a word
  Term before_ = Term::none;    // the one before that
  char symbol_ = 0;             // if it was a symbol
};

}  // namespace sluice::protocol::sql
