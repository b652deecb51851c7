#include "protocol/sql/normal_text.hpp"

#include <algorithm>

#include "protocol/sql/characters.hpp"
#include "protocol/sql/terms.hpp"

namespace sluice::protocol::sql {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool word_part(char c) {
  return in_word(static_cast<std::uint8_t>(c));
}

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '_'; });
}

bool is_hex(char c) {
  const char low = static_cast<char>(c | 0x20);
  return is_digit(c) || (low >= 'a' && low <= 'f') || c == '_';
}

// Of a number and the word that touches it: 1e5, 0xff, 0b1, 0o7.
bool one_number(std::string_view number, std::string_view word) {
  const char letter = static_cast<char>(word.front() | 0x20);
  const std::string_view rest = word.substr(1);
  if (letter == 'e') {
    return !rest.empty() && all_digits(rest);
  }
  return number == "0" && !rest.empty() && (letter == 'x' || letter == 'b' || letter == 'o') &&
         std::all_of(rest.begin(), rest.end(), is_hex);
}

}  // namespace

NormalText::NormalText(std::string_view source, bool mysql, std::size_t limit)
    : source_(source), mysql_(mysql), limit_(limit) {
  out_.reserve(std::min(source.size() + 16, limit));
  push(true);
}

void NormalText::take(const Token& token, Term term) {
  if (full_ || token.begin < skip_) {
    end_ = skip_;
    return;
  }
  if (semicolon_ && token.kind != TokenKind::semicolon) {
    semicolon_ = false;
    put(Last::semicolon, ";", true);
    count_ = 0;
    push(true);
  }
  switch (token.kind) {
    case TokenKind::word:
      word(token, term);
      break;
    case TokenKind::quoted_word:
      if (savepoint_) {
        literal(false, false);
        break;
      }
      flush_signs();
      put(Last::name, raw(token), tight(Last::name, token.begin == end_));
      break;
    case TokenKind::string:
      literal(true, token.begin == end_);
      break;
    case TokenKind::parameter:
      literal(false, token.begin == end_);
      break;
    case TokenKind::number:
      number(token);
      break;
    case TokenKind::semicolon:
      semicolon();
      break;
    case TokenKind::symbol:
      symbol(token);
      break;
  }
  end_ = std::max(token.end, skip_);
}

std::string NormalText::finish() {
  flush_signs();
  fold_element();
  if (full_) {  // not in the middle of a character
    std::size_t end = out_.size();
    for (int back = 0; back < 4 && end > 0; ++back) {
      const auto byte = static_cast<std::uint8_t>(out_[end - 1]);
      if (byte < 0x80) {
        break;
      }
      --end;
      if (byte >= 0xc0) {
        out_.resize(end);
        break;
      }
    }
  }
  return std::move(out_);
}

std::string_view NormalText::raw(const Token& token) const {
  return source_.substr(token.begin, token.end - token.begin);
}

void NormalText::word(const Token& token, Term term) {
  const std::string_view text = raw(token);
  const bool adjacent = token.begin == end_;
  if (savepoint_ || ((term == Term::null || term == Term::true_ || term == Term::false_ ||
                      term == Term::default_) &&
                     value_place())) {
    literal(false, adjacent);
    return;
  }
  flush_signs();
  if (last_ == Last::literal || last_ == Last::close) {
    fold_element();  // VALUES (1), (2) RETURNING
  }
  const std::size_t before = out_.size();
  put(Last::word, text, tight(Last::word, adjacent));
  for (std::size_t at = before; at < out_.size(); ++at) {
    const char c = out_[at];
    out_[at] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  term_ = term;
  savepoint_ = term == Term::savepoint;
}

void NormalText::number(const Token& token) {
  const bool adjacent = token.begin == end_;
  const std::string_view digits = raw(token);
  // MySQL: names may begin with digits, and behind a dot they may look like 1e5.
  const bool behind_dot = mysql_ && adjacent && last_ == Last::dot && signs_.empty();
  bool name = false;
  std::size_t end = token.end;
  if (end < source_.size() && word_part(source_[end])) {
    std::size_t word_end = end;
    while (word_end < source_.size() && word_part(source_[word_end])) {
      ++word_end;
    }
    const std::string_view tail = source_.substr(end, word_end - end);
    if (behind_dot) {
      name = true;
      end = word_end;
    } else if (one_number(digits, tail)) {
      end = word_end;
    } else if ((tail == "e" || tail == "E") && source_.size() - word_end >= 2 &&
               (source_[word_end] == '-' || source_[word_end] == '+') &&
               is_digit(source_[word_end + 1])) {
      end = word_end + 1;
      while (end < source_.size() && (is_digit(source_[end]) || source_[end] == '_')) {
        ++end;
      }
    } else if (mysql_) {
      name = true;
      end = word_end;
    }
  }
  if (!name) {
    literal(false, adjacent);
  } else {
    flush_signs();
    if (dot_) {
      put(Last::dot, ".", true);
    }
    put(Last::word, source_.substr(token.begin, end - token.begin), tight(Last::word, adjacent));
    term_ = Term::none;
  }
  dot_ = false;
  skip_ = end;
}

void NormalText::symbol(const Token& token) {
  const char which = token.text.front();
  const bool adjacent = token.begin == end_;
  switch (which) {
    case '(':
    case '[':
      open(which);
      break;
    case ')':
    case ']':
      close(which);
      break;
    case ',':
      comma();
      break;
    case '?':  // a placeholder, or an operator on JSON, which does no harm
      literal(false, adjacent);
      break;
    case '+':
    case '-':
      sign(which, adjacent);
      break;
    case '.':
      if (token.end < source_.size() && is_digit(source_[token.end]) &&
          !(adjacent && (last_ == Last::word || last_ == Last::name || last_ == Last::dot))) {
        dot_ = true;  // .5
        break;
      }
      flush_signs();
      put(Last::dot, ".", true);
      break;
    case ':':
      flush_signs();
      put(Last::colon, ":", true);
      break;
    default:
      op(which, adjacent);
  }
}

// ---- What stands for many

void NormalText::literal(bool string, bool adjacent) {
  if (string && last_string_ && last_ == Last::literal) {
    return;  // 'a' 'b'
  }
  put(Last::literal, "?", tight(Last::literal, adjacent && signs_.empty()));
  signs_.clear();
  last_string_ = string;
  elements_[count_ - 1].literal = true;
}

// A sign in front of a number belongs to it, unless there is something to subtract from.
void NormalText::sign(char which, bool adjacent) {
  if (signs_.empty() && after_operand()) {
    op(which, adjacent);
    return;
  }
  if (signs_.empty()) {
    signs_adjacent_ = adjacent;
  }
  if (signs_.size() < 8) {
    signs_ += which;
  }
}

void NormalText::flush_signs() {
  if (signs_.empty()) {
    return;
  }
  std::string signs;
  signs.swap(signs_);
  bool adjacent = signs_adjacent_;
  for (const char& one : signs) {
    put(Last::op, {&one, 1}, tight(Last::op, adjacent && !(one == '-' && last_char_ == '-')));
    last_char_ = one;
    adjacent = false;
  }
}

// ---- One token behind another

void NormalText::op(char which, bool adjacent) {
  flush_signs();
  const Last kind = which == '@' && mysql_ ? Last::at : Last::op;
  bool close_up = tight(kind, adjacent);
  if (last_ == Last::op &&
      ((last_char_ == '-' && which == '-') || (last_char_ == '/' && which == '*'))) {
    close_up = false;  // they would begin a comment
  }
  put(kind, {&which, 1}, close_up);
  last_char_ = which;
}

bool NormalText::tight(Last kind, bool adjacent) const {
  if (last_ == Last::nothing || last_ == Last::open || last_ == Last::dot || last_ == Last::colon) {
    return true;
  }
  switch (kind) {
    case Last::open:  // f(, a[: but `in (`; see open()
      return last_ == Last::name;
    case Last::at:
      return adjacent && (last_ == Last::at || last_ == Last::word || last_ == Last::name ||
                          last_ == Last::literal);
    case Last::op:
      return adjacent && last_ == Last::op;
    default:
      return adjacent && last_ == Last::at;
  }
}

bool NormalText::after_operand() const {
  switch (last_) {
    case Last::word:
      return !is_keyword(term_);
    case Last::name:
    case Last::literal:
    case Last::close:
      return true;
    default:
      return false;
  }
}

// Where NULL, TRUE and DEFAULT are values like others: not in IS NULL, not in NOT NULL.
bool NormalText::value_place() const {
  return signs_.empty() && (last_ == Last::comma || (last_ == Last::open && out_.back() == '(') ||
                            (last_ == Last::op && last_char_ == '='));
}

void NormalText::put(Last kind, std::string_view text, bool tight) {
  last_ = kind;
  last_string_ = false;
  savepoint_ = false;
  if (full_) {
    return;
  }
  if (!tight) {
    out_ += ' ';
  }
  out_ += text;
  if (out_.size() > limit_) {
    out_.resize(limit_);
    full_ = true;
  }
}

}  // namespace sluice::protocol::sql
