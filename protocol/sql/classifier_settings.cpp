// The statements whose grammar matters: SET, RESET, DEALLOCATE, DISCARD, UNLISTEN, DECLARE, CLOSE,
// PREPARE.

#include <algorithm>

#include "protocol/sql/classifier.hpp"

namespace sluice::protocol::sql {
namespace {

using enum TokenKind;

bool is(const Token& token, char text) {
  return token.kind == symbol && token.text[0] == text;
}

// Settings whose values are lists of quoted identifiers (GUC_LIST_QUOTE in the server).
bool quotes_its_list(std::string_view name) {
  return name == "search_path" || name == "temp_tablespaces" || name == "local_preload_libraries" ||
         name == "session_preload_libraries";
}

bool needs_quotes(std::string_view word) {
  auto plain = [](char letter) {
    return (letter >= 'a' && letter <= 'z') || letter == '_' || (letter >= '0' && letter <= '9');
  };
  return word.empty() || (word[0] >= '0' && word[0] <= '9') ||
         !std::all_of(word.begin(), word.end(), plain);
}

}  // namespace

void Classifier::fold(std::string& text) {
  for (char& letter : text) {
    if (letter >= 'A' && letter <= 'Z') {
      letter = static_cast<char>(letter + ('a' - 'A'));
    }
  }
}

void Classifier::take_argument(const Token& token, Word word) {
  switch (phase_) {
    case Phase::reset_first:
    case Phase::reset_name:
    case Phase::reset_part:
    case Phase::reset_time:
    case Phase::reset_session:
      return take_reset(token, word);
    case Phase::deallocate:
      return take_deallocate(token, word);
    case Phase::discard:
      return take_discard(token, word);
    case Phase::star_or_all:
      if (is(token, '*') || word == Word::all) {
        effects_.unpins.add(verb_ == Word::close ? Pin::cursor : Pin::listen);
        cleaned_ = true;
      } else if (verb_ == Word::close) {
        effects_.closes_cursor = take_cursor(token);
      }
      phase_ = Phase::plain;
      return;
    case Phase::declare:
      effects_.declares_cursor = take_cursor(token);
      phase_ = Phase::plain;
      return;
    case Phase::prepare:
      if (word != Word::transaction) {
        effects_.pins.add(Pin::prepared);
      }
      phase_ = Phase::plain;
      return;
    default:
      return take_set(token, word);
  }
}

void Classifier::take_set(const Token& token, Word word) {
  switch (phase_) {
    case Phase::set_first:
    case Phase::set_session:
      return set_target(token, word);
    case Phase::set_time:
      phase_ = word == Word::zone ? Phase::set_value : Phase::set_unclear;
      time_zone_ = true;
      effects_.name = "timezone";
      return;
    case Phase::set_name:
    case Phase::set_part:
      return set_name(token, word);
    case Phase::set_value:
    case Phase::set_signed:
      return set_value(token, word);
    case Phase::set_after:
      phase_ = is(token, ',') && !default_ && !time_zone_ ? Phase::set_value : Phase::set_unclear;
      return;
    default:
      return;
  }
}

// What SET is about: the word after it, or after SET SESSION.
void Classifier::set_target(const Token& token, Word word) {
  bool session = phase_ == Phase::set_session;
  effects_.name.clear();
  effects_.value.clear();
  switch (word) {
    case Word::session:
      phase_ = session ? Phase::set_unclear : Phase::set_session;
      return;
    case Word::local:
    case Word::transaction:
    case Word::constraints:
      phase_ = Phase::plain;  // ends with the transaction
      return;
    case Word::authorization:
    case Word::role:
    case Word::session_authorization:
      effects_.pins.add(Pin::role);
      phase_ = Phase::plain;
      return;
    case Word::transaction_isolation:
    case Word::transaction_read_only:
    case Word::transaction_deferrable:
      phase_ = Phase::plain;
      return;
    case Word::time:
      phase_ = Phase::set_time;
      return;
    case Word::names:
      effects_.name = "client_encoding";
      phase_ = Phase::set_value;
      return;
    case Word::schema:
      effects_.name = "search_path";
      phase_ = Phase::set_value;
      return;
    case Word::seed:
      effects_.pins.add(Pin::session);
      phase_ = Phase::plain;
      return;
    case Word::characteristics:
    case Word::xml:
      phase_ = Phase::set_unclear;
      return;
    default:
      phase_ = name_text(token, effects_.name) ? Phase::set_name : Phase::set_unclear;
      fold(effects_.name);
      if (effects_.name == "role" || effects_.name == "session_authorization") {
        effects_.pins.add(Pin::role);  // written "role", in quotes
      }
  }
}

void Classifier::set_name(const Token& token, Word word) {
  if (phase_ == Phase::set_part) {
    std::string part;
    phase_ = name_text(token, part) ? Phase::set_name : Phase::set_unclear;
    fold(part);
    effects_.name += '.' + part;
  } else if (is(token, '.')) {
    phase_ = Phase::set_part;
  } else if (is(token, '=') || word == Word::to) {
    phase_ = Phase::set_value;
  } else {
    phase_ = Phase::set_unclear;
  }
}

void Classifier::set_value(const Token& token, Word word) {
  bool sign = phase_ == Phase::set_signed;
  phase_ = Phase::set_after;
  std::string text;
  if (token.kind == number) {
    bool digits = token.text.find('_') == std::string_view::npos && !token.truncated;
    if (!digits) {
      phase_ = Phase::set_unclear;
      return;
    }
    text = (negative_ ? "-" : "") + std::string(token.text);
    negative_ = false;
    add_value(text);
  } else if (!sign && (is(token, '-') || is(token, '+'))) {
    negative_ = is(token, '-');
    phase_ = Phase::set_signed;
  } else if (sign || (time_zone_ && word == Word::interval)) {
    phase_ = Phase::set_unclear;
  } else if (word == Word::default_ || (time_zone_ && word == Word::local)) {
    default_ = effects_.value.empty();
    phase_ = default_ ? Phase::set_after : Phase::set_unclear;
  } else if (plain_text(token, text)) {
    add_value(text);
  } else {
    phase_ = Phase::set_unclear;
  }
}

// Lists become what the server itself stores for them.
void Classifier::add_value(std::string_view value) {
  if (!effects_.value.empty()) {
    effects_.value += ", ";
  }
  if (!quotes_its_list(effects_.name) || !needs_quotes(value)) {
    effects_.value += value;
    return;
  }
  effects_.value += '"';
  for (char letter : value) {
    effects_.value.append(letter == '"' ? 2 : 1, letter);
  }
  effects_.value += '"';
}

void Classifier::done(Change change) {
  effects_.change = change;
  phase_ = Phase::set_done;
}

void Classifier::take_reset(const Token& token, Word word) {
  switch (phase_) {
    case Phase::reset_first:
      effects_.value.clear();
      if (word == Word::all) {
        effects_.unpins.add(Pin::settings);
        cleaned_ = true;
        return done(Change::reset_all);
      }
      if (word == Word::role) {
        effects_.name = "role";
        effects_.unpins.add(Pin::role);
        return done(Change::reset);
      }
      if (word == Word::session || word == Word::time) {
        phase_ = word == Word::session ? Phase::reset_session : Phase::reset_time;
        return;
      }
      if (word == Word::transaction) {
        phase_ = Phase::plain;
        return;
      }
      phase_ = name_text(token, effects_.name) ? Phase::reset_name : Phase::set_unclear;
      fold(effects_.name);
      return;
    case Phase::reset_session:
      effects_.name = "session_authorization";
      effects_.unpins.add(Pin::role);
      return done(Change::reset);
    case Phase::reset_time:
      effects_.name = "timezone";
      return done(Change::reset);
    case Phase::reset_part: {
      std::string part;
      phase_ = name_text(token, part) ? Phase::reset_name : Phase::set_unclear;
      fold(part);
      effects_.name += '.' + part;
      return;
    }
    default:
      phase_ = is(token, '.') ? Phase::reset_part : Phase::set_unclear;
  }
}

void Classifier::take_deallocate(const Token& token, Word word) {
  if (word == Word::prepare && tokens_ == 2) {
    return;
  }
  phase_ = Phase::plain;
  if (word == Word::all) {
    effects_.deallocate_all = true;
    effects_.unpins.add(Pin::prepared);
    return;
  }
  effects_.deallocate = name_text(token, effects_.name);
  if (token.kind == TokenKind::word) {
    fold(effects_.name);
  }
}

void Classifier::take_discard(const Token& token, Word word) {
  phase_ = Phase::plain;
  if (word == Word::all) {
    effects_.discard_all = true;
    for (unsigned pin = 0; pin < static_cast<unsigned>(Pin::count_); ++pin) {
      effects_.unpins.add(static_cast<Pin>(pin));
    }
  } else if (word == Word::temp || word == Word::temporary) {
    effects_.unpins.add(Pin::temporary);
  }
  (void)token;
}

bool Classifier::take_cursor(const Token& token) {
  const bool known = name_text(token, effects_.name);
  if (token.kind == TokenKind::word) {
    fold(effects_.name);
  }
  return known;
}

bool Classifier::name_text(const Token& token, std::string& out) const {
  if ((token.kind != TokenKind::word && token.kind != quoted_word) || token.truncated) {
    return false;
  }
  return plain_text(token, out);
}

// The value of a word or of a plain string; false for what is not plainly replayed.
bool Classifier::plain_text(const Token& token, std::string& out) const {
  if (token.truncated) {
    return false;
  }
  out.assign(token.text);
  if (token.kind == TokenKind::word) {
    fold(out);
    return true;
  }
  char quote = token.kind == quoted_word ? '"' : '\'';
  bool simple = token.end - token.begin == token.text.size() + 2;  // no E, B, X, N, no dollars
  if ((token.kind != quoted_word && token.kind != string) || !simple) {
    return false;
  }
  if (token.escaped) {
    if (options_.backslash_escapes && out.find('\\') != std::string::npos) {
      return false;
    }
    std::string undoubled;
    for (std::size_t i = 0; i < out.size(); ++i) {
      undoubled += out[i];
      i += out[i] == quote ? 1 : 0;
    }
    out = std::move(undoubled);
  }
  return out.find('\0') == std::string::npos;
}

}  // namespace sluice::protocol::sql
