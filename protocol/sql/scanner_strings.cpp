// Quoted things: strings with and without backslash escapes, identifiers, dollar quotes.

#include "protocol/sql/characters.hpp"
#include "protocol/sql/scanner.hpp"

namespace sluice::protocol::sql {

void Scanner::open_quote(std::uint8_t quote, TokenKind kind, bool escapes, At at) {
  open(kind, at, at + 1);
  quote_ = quote;
  escapes_ = escapes;
  silent_ = look_inside_ && kind == TokenKind::string;
  open_ = !silent_;
  state_ = State::quoted;
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
