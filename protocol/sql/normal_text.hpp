#pragma once

// The text of a statement without what changes from one run to the next, made from its tokens:
//
//   SELECT  *  FROM "Pets" WHERE id IN (1,2, -3) -- why      select * from "Pets" where id in (?)
//   INSERT INTO t (a, b) VALUES (1, 'x'), (2, NULL)          insert into t(a, b) values (?)
//
// The blanks between two tokens depend on the two alone, so that equal statements have equal texts
// however they were written, and the text of a text is the text itself.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/sql/scanner.hpp"
#include "protocol/sql/terms.hpp"

namespace sluice::protocol::sql {

class NormalText {
 public:
  // Of `source`, which outlives this; at most `limit` bytes.
  NormalText(std::string_view source, bool mysql, std::size_t limit);

  // Each token of the source, in order, and what term_of() it is.
  void take(const Token& token, Term term);
  // Once, after the last.
  std::string finish();
  // The limit was met: what is beyond is not in the text.
  bool cut() const { return full_; }

 private:
  enum class Last : std::uint8_t {
    nothing,
    word,
    name,  // quoted
    literal,
    open,   // ( [
    close,  // ) ]
    comma,
    dot,
    colon,
    at,  // MySQL: @
    op,
    semicolon,
  };
  // One of a list, or all that stands in one pair of parentheses or outside of all.
  struct Element {
    std::size_t begin = 0;  // in out_, behind the comma or the parenthesis
    std::uint32_t depth = 0;
    bool first = true;     // no comma in front of it
    bool literal = false;  // there is a literal in it
  };
  // Of all open lists; when there are more, the oldest are forgotten, and stay as they are.
  static constexpr std::size_t kElements = 64;

  std::string_view raw(const Token& token) const;
  void word(const Token& token, Term term);
  void number(const Token& token);
  void symbol(const Token& token);
  void literal(bool string, bool adjacent);
  void sign(char which, bool adjacent);
  void flush_signs();
  void open(char which);
  void close(char which);
  void comma();
  void semicolon();
  void op(char which, bool adjacent);

  void put(Last kind, std::string_view text, bool tight);
  bool tight(Last kind, bool adjacent) const;
  bool after_operand() const;
  bool value_place() const;
  void fold_element();
  bool repeats(const Element& before, const Element& now) const;
  void push(bool first);

  std::string_view source_;
  bool mysql_;
  std::size_t limit_;
  std::string out_;
  std::array<Element, kElements> elements_;  // only the first count_ are ever read
  std::size_t count_ = 0;
  std::uint32_t depth_ = 0;
  Last last_ = Last::nothing;
  char last_char_ = 0;        // of an operator, or of '='
  bool last_string_ = false;  // the literal before was a string: an adjacent one belongs to it
  bool savepoint_ = false;    // the word before was SAVEPOINT: drivers make up names
  bool dot_ = false;          // of the number that comes next, unless that is a name
  bool semicolon_ = false;    // to be written when something follows
  bool full_ = false;
  bool signs_adjacent_ = false;  // the first of signs_ touches what is before it
  std::string signs_;            // + and - that may belong to a number
  Term term_ = Term::none;       // of the last word
  std::uint64_t skip_ = 0;       // tokens that begin before this offset have been dealt with
  std::uint64_t end_ = 0;        // of the token before
};

}  // namespace sluice::protocol::sql
