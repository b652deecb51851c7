#pragma once

// What a PostgreSQL statement does to the state of its session, read from its text while it
// streams. Reads words, not grammar, and errs towards "it does": a pin too many costs a backend, a
// pin too few a wrong answer. Functions of the user's own are not looked into.

#include <cstdint>
#include <string>

#include "protocol/conversation.hpp"
#include "protocol/sql/scanner.hpp"
#include "protocol/sql/words.hpp"

namespace sluice::protocol::sql {

enum class Change : std::uint8_t {
  none,
  set,  // SET name = value, plain enough to be replayed as set_config(name, value, false)
  set_as_reported,  // the same, but to a parameter of the request: the server may report it
  reset,            // RESET name, SET name TO DEFAULT
  reset_all,        // RESET ALL
};

// Of one Query or one prepared text, which may hold several statements.
struct Effects {
  PinSet pins;                   // state that is there afterwards, if it succeeds
  PinSet unpins;                 // state that is gone afterwards; only of a text with one statement
  Change change = Change::none;  // only of a text with one statement
  // More than one statement; not set of a text that only cleans up, as asyncpg's pool sends it.
  bool several = false;
  bool resets = false;             // several, one of which resets settings
  bool writes = false;             // may have advanced a sequence: currval() is good after it
  bool needs_sequence = false;     // currval() or lastval(), with nothing before it that writes
  bool ends_transaction = false;   // the first statement is COMMIT, ROLLBACK, END, ABORT
  bool opens_transaction = false;  // what BEGIN began is open at the end; not counted by any()
  bool deallocate = false;         // DEALLOCATE name: `name`
  bool deallocate_all = false;
  bool declares_cursor = false;  // DECLARE name
  bool closes_cursor = false;    // CLOSE name
  bool discard_all = false;
  std::string name;   // change, deallocate, cursor: folded as the server folds it
  std::string value;  // change == set: what set_config takes

  bool any() const {
    return pins.any() || unpins.any() || change != Change::none || several || resets || writes ||
           needs_sequence || ends_transaction || deallocate || deallocate_all || discard_all ||
           closes_cursor;
  }
};

class Classifier {
 public:
  explicit Classifier(ScannerOptions options) : scanner_(options), options_(options) {}

  void feed(Bytes text);
  // Once, after the last byte.
  Effects& finish();

 private:
  enum class Phase : std::uint8_t {
    start,        // before the first word of a statement
    plain,        // nothing but the words that matter anywhere
    set_first,    // after SET [SESSION]
    set_session,  // after SET SESSION
    set_name,     // after a name: '.', '=' or TO
    set_part,     // after "name."
    set_time,     // after SET TIME
    set_value,    // expects a value
    set_signed,   // expects a number
    set_after,    // after a value: ',' or the end
    set_unclear,  // a SET that is not plain
    set_done,     // a RESET that is complete
    reset_first,
    reset_name,
    reset_part,
    reset_time,
    reset_session,
    deallocate,
    discard,
    star_or_all,  // UNLISTEN, CLOSE: unpins when this follows
    declare,      // after DECLARE: the cursor's name
    prepare,
  };

  // How much of SELECT set_config('name', 'value', false) was read, and nothing else.
  enum class Call : std::uint8_t {
    other,
    verb,
    schema,
    dot,
    function,
    open,
    name,
    name_comma,
    value,
    value_comma,
    local,
    whole,
  };

  void take(const Token& token);
  void begin_statement(Word word);
  void end_statement();
  void take_argument(const Token& token, Word word);
  void take_set(const Token& token, Word word);
  void set_target(const Token& token, Word word);
  void set_name(const Token& token, Word word);
  void set_value(const Token& token, Word word);
  void add_value(std::string_view value);
  void take_reset(const Token& token, Word word);
  void take_deallocate(const Token& token, Word word);
  void take_discard(const Token& token, Word word);
  bool take_cursor(const Token& token);
  void done(Change change);
  void anywhere(const Token& token, Word word);
  void in_code(const Token& token, Word word);
  void call(Word word);
  void follow_set_config(const Token& token, Word word);
  void follow_whole_call(const Token& token);
  bool plain_text(const Token& token, std::string& out) const;
  static void fold(std::string& text);
  bool name_text(const Token& token, std::string& out) const;

  Scanner scanner_;
  ScannerOptions options_;
  Effects effects_;
  Phase phase_ = Phase::start;
  Call call_ = Call::other;
  bool from_parameter_ = false;  // the value of that call
  bool cleans_ = true;           // each statement so far does nothing but end state
  bool cleaned_ = false;         // this one ends some
  Word verb_{};
  Word previous_{};  // the token before, if it was a word
  Word function_{};  // a function's name: a call if '(' follows
  bool negative_ = false;
  bool default_ = false;  // SET name TO DEFAULT
  bool time_zone_ = false;
  bool code_quoted_ = false;        // in code: the token before was a quote or a semicolon
  std::uint8_t config_commas_ = 0;  // of the set_config call that is open
  std::uint8_t config_local_ = 0;   // 1: its third argument is true; 2: and nothing else
  std::uint32_t config_depth_ = 0;  // 0: none is open
  std::uint32_t statements_ = 0;
  std::uint32_t tokens_ = 0;  // of this statement
  bool code_set_ = false;     // in code: SET or RESET was the word before
  PinSet before_set_;         // the pins without it
};

// All of a text at once.
Effects classify(std::string_view text, ScannerOptions options);

}  // namespace sluice::protocol::sql
