#include "protocol/sql/scanner.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::protocol::sql {
namespace {

enum Class : std::uint8_t { kOther, kSpace, kLetter, kDigit };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned byte : {' ', '\t', '\n', '\r', '\f', '\v'}) {
    classes[byte] = kSpace;
  }
  for (unsigned byte = 0; byte < 26; ++byte) {
    classes['a' + byte] = classes['A' + byte] = kLetter;
  }
  for (unsigned byte = 0x80; byte < 0x100; ++byte) {
    classes[byte] = kLetter;
  }
  classes['_'] = kLetter;
  for (unsigned byte = '0'; byte <= '9'; ++byte) {
    classes[byte] = kDigit;
  }
  return classes;
}
constexpr auto kClasses = make_classes();

bool in_word(std::uint8_t byte) {
  return kClasses[byte] >= kLetter || byte == '$';
}

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

bool Scanner::step_quoted(At& at, At end, Token& token) {
  while (at < end) {
    std::uint8_t byte = *at;
    switch (state_) {
      case State::backslash:
        state_ = State::quoted;
        ++at;
        break;
      case State::quote_end:
        if (byte != quote_) {
          return end_string(mark_, offset(at), token);
        }
        escaped_ = true;
        ++at;
        if (silent_) {  // a quote within the code
          token.inside = symbol(mark_, quote_, token);
          state_ = State::quoted;
          return true;
        }
        state_ = State::quoted;
        break;
      default:
        if (silent_ && look(byte, at, token)) {
          return true;
        }
        if (byte == quote_) {
          mark_ = offset(at);
          state_ = State::quote_end;
        } else if (byte == '\\' && escapes_) {
          escaped_ = true;
          state_ = State::backslash;
        }
        ++at;
    }
  }
  return false;
}

// After '$': a parameter, or the tag of a dollar quote.
bool Scanner::step_dollar(At& at, At end, Token& token) {
  for (; at < end; ++at) {
    std::uint8_t byte = *at;
    if (byte == '$') {
      std::uint64_t begin = begin_;
      open(TokenKind::string, at, at + 1);
      begin_ = begin;
      silent_ = look_inside_;
      open_ = !silent_;
      state_ = State::dollar_body;
      ++at;
      return false;
    }
    if (kClasses[byte] == kDigit && tag_size_ == 0) {
      std::uint64_t begin = begin_;
      open(TokenKind::parameter, at, at);
      begin_ = begin;
      state_ = State::dollar_number;
      return false;
    }
    if (kClasses[byte] < kLetter) {
      break;
    }
    if (tag_size_ == kMaxTag) {
      lost_ = true;
      break;
    }
    tag_[tag_size_++] = byte;
  }
  return at < end && symbol(begin_, '$', token);
}

bool Scanner::step_body(At& at, At end, Token& token) {
  for (; at < end; ++at) {
    std::uint8_t byte = *at;
    if (state_ == State::dollar_body) {
      if (silent_ && look(byte, at, token)) {
        return true;
      }
      if (byte == '$') {
        mark_ = offset(at);
        match_ = 0;
        state_ = State::dollar_match;
      }
    } else if (match_ == tag_size_ && byte == '$') {
      ++at;
      return end_string(mark_, offset(at), token);
    } else if (match_ < tag_size_ && byte == tag_[match_]) {
      ++match_;
    } else if (byte == '$') {
      mark_ = offset(at);
      match_ = 0;
    } else {
      state_ = State::dollar_body;
      --at;  // seen again as part of the body
    }
  }
  return false;
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
        state_ = options_.mysql ? State::bang : State::block_comment;
        break;
      case State::bang:
      case State::bang_m:
        if (byte == '!') {
          match_ = 0;
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
          state_ = State::start;
          return false;
        }
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

// A byte inside a string that is looked into. True: a token ends before it, or is it.
bool Scanner::look(std::uint8_t byte, At& at, Token& token) {
  if (kClasses[byte] >= kLetter) {
    if (!open_) {
      open(TokenKind::word, at, at);
      silent_ = true;
    }
    return false;
  }
  State state = state_;
  bool done = false;
  if (open_) {
    done = close(offset(at), offset(at), token);
  } else if (byte == ';' || ((byte == '\'' || byte == '"') && byte != quote_)) {
    done = symbol(offset(at), byte, token);
    ++at;
  }
  token.inside = done;
  state_ = state;
  silent_ = true;
  return done;
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

void Scanner::open_quote(std::uint8_t quote, TokenKind kind, bool escapes, At at) {
  open(kind, at, at + 1);
  quote_ = quote;
  escapes_ = escapes;
  silent_ = look_inside_ && kind == TokenKind::string;
  open_ = !silent_;
  state_ = State::quoted;
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

// The closing quote was seen; a string that was looked into is no token, its last word may be.
bool Scanner::end_string(std::uint64_t text_end, std::uint64_t token_end, Token& token) {
  escape_tail_ = escapes_ && quote_ == '\'' && !options_.mysql && state_ != State::dollar_match;
  quote_ = 0;
  state_ = State::start;
  if (silent_) {
    silent_ = false;
    bool word = open_ && close(text_end, text_end, token);
    token.inside = word;
    return word;
  }
  return close(text_end, token_end, token);
}

}  // namespace sluice::protocol::sql
