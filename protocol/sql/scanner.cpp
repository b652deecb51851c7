#include "protocol/sql/scanner.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/sql/characters.hpp"

namespace sluice::protocol::sql {
namespace {

// /*!50000 */ and what is older is code for every server that is still about.
constexpr std::uint32_t kFirstConditional = 50100;

}  // namespace

bool same_word(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
         });
}

bool Scanner::next(Bytes& chunk, Token& token) {
  chunk_ = chunk.data();
  At at = chunk_;
  At end = chunk_ + chunk.size();
  bool complete = false;
  while (at < end && !complete) {
    complete = step(at, end, token);
  }
  if (!complete && open_) {
    keep(end);
  }
  base_ = offset(at);
  chunk = {at, end};
  return complete;
}

bool Scanner::finish(Token& token) {
  State last = state_;
  state_ = State::start;
  if (silent_ && !open_) {
    return false;
  }
  switch (last) {
    case State::minus:
      return symbol(begin_, '-', token);
    case State::slash:
      return symbol(begin_, '/', token);
    case State::exec_star:
      return symbol(begin_, '*', token);
    case State::dollar:
      return symbol(begin_, '$', token);
    case State::quote_end:
      return end_string(mark_, base_, token);
    default:  // an open comment ends with the text; so does an open word or string
      return open_ && close(base_, base_, token);
  }
}

bool Scanner::step(At& at, At end, Token& token) {
  switch (state_) {
    case State::start:
      return step_start(at, end, token);
    case State::word:
    case State::number:
    case State::dollar_number:
      return step_word(at, end, token);
    case State::quoted:
    case State::quote_end:
    case State::backslash:
      return step_quoted(at, end, token);
    case State::dollar:
      return step_dollar(at, end, token);
    case State::dollar_body:
    case State::dollar_match:
      return step_body(at, end, token);
    default:
      return step_comment(at, end, token);
  }
}

bool Scanner::step_start(At& at, At end, Token& token) {
  while (kClasses[*at] == kSpace) {
    if (++at == end) {
      return false;
    }
  }
  std::uint8_t byte = *at;
  std::uint8_t kind = kClasses[byte];
  if (kind == kLetter || (byte == '$' && options_.mysql)) {
    open(TokenKind::word, at, at);
    state_ = State::word;
    return step_word(at, end, token);
  }
  if (kind == kDigit) {
    open(TokenKind::number, at, at);
    state_ = State::number;
    return step_word(at, end, token);
  }
  switch (byte) {
    case '\'':
      open_quote(byte, TokenKind::string, options_.backslash_escapes || escape_tail_, at);
      return ++at, false;
    case '"':
      if (options_.mysql && !options_.ansi_quotes) {
        open_quote(byte, TokenKind::string, options_.backslash_escapes, at);
      } else {
        open_quote(byte, TokenKind::quoted_word, false, at);
      }
      return ++at, false;
    case '`':
      if (options_.mysql) {
        open_quote(byte, TokenKind::quoted_word, false, at);
        return ++at, false;
      }
      break;
    case '#':
      if (options_.mysql) {
        conditional_ = conditional_ || executable_;
        state_ = State::line_comment;
        return ++at, false;
      }
      break;
    case '-':
    case '/':
    case '$':
      begin_ = offset(at);
      tag_size_ = 0;
      state_ = byte == '-' ? State::minus : byte == '/' ? State::slash : State::dollar;
      return ++at, false;
    case '*':
      if (executable_) {
        begin_ = offset(at);
        state_ = State::exec_star;
        return ++at, false;
      }
      break;
    default:
      break;
  }
  return symbol(offset(at++), byte, token);
}

bool Scanner::step_word(At& at, At end, Token& token) {
  if (state_ == State::word) {
    while (at < end && in_word(*at)) {
      ++at;
    }
  } else {
    bool number = state_ == State::number;
    while (at < end && (kClasses[*at] == kDigit || (number && (*at == '.' || *at == '_')))) {
      ++at;
    }
  }
  if (at == end) {
    return false;
  }
  std::uint64_t here = offset(at);
  // E'...' and its kin: the letter belongs to the string.
  if (*at == '\'' && state_ == State::word && here - begin_ == 1) {
    char letter = kept_ != 0 ? text_[0] : static_cast<char>(at[-1]);
    letter = static_cast<char>(letter | 0x20);
    bool escape = letter == 'e' && !options_.mysql;
    if (escape || letter == 'b' || letter == 'x' || letter == 'n') {
      std::uint64_t begin = begin_;
      open_quote('\'', TokenKind::string, escape || options_.backslash_escapes, at);
      begin_ = begin;
      ++at;
      return false;
    }
  }
  return close(here, here, token);
}

bool Scanner::step_comment(At& at, At end, Token& token) {
  for (; at < end; ++at) {
    std::uint8_t byte = *at;
    switch (state_) {
      case State::minus:
        if (byte != '-') {
          return symbol(begin_, '-', token);
        }
        state_ = options_.mysql ? State::dash_dash : State::line_comment;
        break;
      case State::dash_dash:
        if (byte > ' ') {
          symbol(begin_, '-', token);
          ++begin_;
          state_ = State::minus;
          return true;
        }
        conditional_ = conditional_ || executable_;
        state_ = byte == '\n' ? State::start : State::line_comment;
        break;
      case State::line_comment:
        if (byte == '\n' || (byte == '\r' && !options_.mysql)) {
          state_ = State::start;
        }
        break;
      case State::slash:
        if (byte != '*') {
          return symbol(begin_, '/', token);
        }
        depth_ = 1;
        conditional_ = conditional_ || executable_;
        state_ = options_.mysql ? State::bang : State::block_comment;
        break;
      case State::bang:
      case State::bang_m:
        if (byte == '!') {
          match_ = 0;
          version_ = 0;
          conditional_ = conditional_ || state_ == State::bang_m;
          state_ = State::version;
        } else if (byte == 'M' && state_ == State::bang) {
          state_ = State::bang_m;
        } else {
          state_ = State::block_comment;
          --at;
        }
        break;
      case State::version:
        if (kClasses[byte] != kDigit || match_ == 6) {
          executable_ = true;
          conditional_ = conditional_ || version_ >= kFirstConditional;
          state_ = State::start;
          return false;
        }
        version_ = 10 * version_ + (byte - '0');
        ++match_;
        break;
      case State::exec_star:
        if (byte != '/') {
          return symbol(begin_, '*', token);
        }
        executable_ = false;
        state_ = State::start;
        break;
      case State::block_star:
        if (byte == '/') {
          state_ = --depth_ == 0 ? State::start : State::block_comment;
        } else if (byte != '*') {
          state_ = State::block_comment;
          --at;
        }
        break;
      case State::block_slash:
        if (byte == '*') {
          ++depth_;
          state_ = State::block_comment;
        } else if (byte != '/') {
          state_ = State::block_comment;
          --at;
        }
        break;
      case State::block_comment:
        if (byte == '*') {
          state_ = State::block_star;
        } else if (byte == '/' && !options_.mysql) {
          state_ = State::block_slash;
        }
        break;
      default:
        return false;
    }
    if (state_ == State::start) {
      ++at;
      return false;
    }
  }
  return false;
}

void Scanner::open(TokenKind kind, At token, At text) {
  kind_ = kind;
  open_ = true;
  silent_ = false;
  escaped_ = false;
  kept_ = 0;
  begin_ = offset(token);
  text_begin_ = offset(text);
  if (kind != TokenKind::string) {
    escape_tail_ = false;
  }
}

void Scanner::keep(At end) {
  std::uint64_t have = text_begin_ + kept_;
  std::uint64_t upto = offset(end);
  if (have >= upto || kept_ == kMaxText || have < base_) {
    return;
  }
  std::size_t count = std::min<std::uint64_t>(upto - have, kMaxText - kept_);
  std::memcpy(text_.data() + kept_, chunk_ + (have - base_), count);
  kept_ = static_cast<std::uint8_t>(kept_ + count);
}

// Reports the open token: its text ends at offset text_end, the token itself at token_end.
bool Scanner::close(std::uint64_t text_end, std::uint64_t token_end, Token& token) {
  std::uint64_t size = text_end - text_begin_;
  token.kind = kind_;
  token.truncated = size > kMaxText;
  token.escaped = escaped_;
  token.inside = false;
  token.begin = begin_;
  token.end = token_end;
  std::size_t shown = std::min<std::uint64_t>(size, kMaxText);
  if (text_begin_ >= base_ && kept_ == 0) {
    token.text = {reinterpret_cast<const char*>(chunk_ + (text_begin_ - base_)), shown};
  } else {
    if (kept_ < shown) {
      keep(chunk_ + (text_end - base_));
    }
    token.text = {text_.data(), std::min<std::size_t>(shown, kept_)};
  }
  state_ = State::start;
  open_ = false;
  return true;
}

bool Scanner::symbol(std::uint64_t begin, std::uint8_t byte, Token& token) {
  byte_ = byte;
  token.kind = byte == ';'                     ? TokenKind::semicolon
               : byte == '?' && options_.mysql ? TokenKind::parameter
                                               : TokenKind::symbol;
  token.truncated = token.escaped = token.inside = false;
  token.begin = begin;
  token.end = begin + 1;
  token.text = {reinterpret_cast<const char*>(&byte_), 1};
  escape_tail_ = false;
  state_ = State::start;
  return true;
}

}  // namespace sluice::protocol::sql
