#include "protocol/sql/classifier.hpp"

#include <utility>

namespace sluice::protocol::sql {
namespace {

using enum TokenKind;

bool begins_code(Word word) {
  return word == Word::begin || word == Word::then || word == Word::else_ || word == Word::loop;
}

bool is(const Token& token, char symbol_text) {
  return token.kind == symbol && token.text[0] == symbol_text;
}

}  // namespace

void Classifier::feed(Bytes text) {
  Token token;
  while (scanner_.next(text, token)) {
    take(token);
  }
}

Effects& Classifier::finish() {
  Token token;
  while (scanner_.finish(token)) {
    take(token);
  }
  end_statement();
  if (scanner_.lost()) {
    effects_.pins.add(Pin::session);
    effects_.pins.add(Pin::settings);
  }
  effects_.several = effects_.several && !cleans_;
  if (effects_.several) {
    effects_.unpins.clear();
    effects_.resets =
        effects_.resets || effects_.change == Change::reset || effects_.change == Change::reset_all;
    if (effects_.change != Change::none) {
      effects_.pins.add(Pin::settings);
      effects_.change = Change::none;
    }
    effects_.deallocate = false;
    effects_.discard_all = false;
    effects_.declares_cursor = effects_.closes_cursor = false;
  }
  return effects_;
}

void Classifier::take(const Token& token) {
  if (token.kind == semicolon && !token.inside) {
    end_statement();
    return;
  }
  bool named = token.kind == word || token.kind == quoted_word;
  Word known = named ? find_word(token.text) : Word::none;
  if (token.inside) {
    in_code(token, known);
    return;
  }
  if (phase_ == Phase::start) {
    if (token.kind == word) {
      begin_statement(known);
      anywhere(token, known);
      previous_ = known;
    }
    return;
  }
  ++tokens_;
  if (phase_ != Phase::plain) {
    take_argument(token, token.kind == word ? known : Word::none);
  }
  if (call_ != Call::other) {
    follow_whole_call(token);
  }
  anywhere(token, known);
  previous_ = known;
}

void Classifier::begin_statement(Word word) {
  verb_ = word;
  tokens_ = 1;
  phase_ = Phase::plain;
  if (statements_++ > 0) {
    effects_.several = true;
  }
  call_ = word == Word::select ? Call::verb : Call::other;
  switch (word) {
    case Word::set:
      phase_ = Phase::set_first;
      break;
    case Word::reset:
      phase_ = Phase::reset_first;
      break;
    case Word::deallocate:
      phase_ = Phase::deallocate;
      break;
    case Word::discard:
      phase_ = Phase::discard;
      break;
    case Word::unlisten:
    case Word::close:
      phase_ = Phase::star_or_all;
      break;
    case Word::prepare:
      phase_ = Phase::prepare;
      break;
    case Word::declare:
      phase_ = Phase::declare;
      break;
    case Word::listen:
      effects_.pins.add(Pin::listen);
      break;
    case Word::load:
      effects_.pins.add(Pin::session);
      break;
    case Word::do_:
      scanner_.look_inside();
      code_quoted_ = true;
      break;
    case Word::begin:
    case Word::start:
      effects_.opens_transaction = true;
      break;
    case Word::commit:
    case Word::end:
    case Word::rollback:
    case Word::abort_:
      effects_.opens_transaction = false;
      effects_.ends_transaction = effects_.ends_transaction || statements_ == 1;
      break;
    default:
      break;
  }
}

void Classifier::end_statement() {
  if (phase_ != Phase::start) {
    // CLOSE ALL, UNLISTEN *, RESET ALL; SELECT pg_advisory_unlock_all()
    cleans_ = cleans_ && cleaned_ && tokens_ == (verb_ == Word::select ? 4 : 2);
    cleaned_ = false;
  }
  switch (phase_) {
    case Phase::set_after:
      if (!default_) {
        effects_.change = Change::set;
      } else {
        effects_.change = Change::reset;
        effects_.value.clear();
      }
      break;
    case Phase::set_done:
      break;  // said what it does when it was read
    case Phase::reset_name:
      effects_.change = Change::reset;
      break;
    case Phase::set_value:
      // SET NAMES alone means the default; everything else is an error of its own.
      if (previous_ == Word::names) {
        effects_.change = Change::reset;
      }
      break;
    case Phase::set_unclear:
    case Phase::set_first:
    case Phase::set_name:
    case Phase::set_part:
    case Phase::set_time:
    case Phase::set_signed:
    case Phase::set_session:
      effects_.pins.add(Pin::settings);
      break;
    default:
      break;
  }
  if (config_depth_ != 0) {
    effects_.pins.add(Pin::settings);
  } else if (call_ == Call::whole && statements_ == 1) {
    effects_.pins.remove(Pin::settings);
    effects_.change = from_parameter_ ? Change::set_as_reported : Change::set;
  }
  phase_ = Phase::start;
  call_ = Call::other;
  verb_ = previous_ = function_ = Word::none;
  negative_ = default_ = time_zone_ = false;
  config_depth_ = 0;
}

// Words that mean something wherever they stand.
void Classifier::anywhere(const Token& token, Word word) {
  if (config_depth_ != 0) {
    follow_set_config(token, word);
  }
  if (function_ != Word::none) {
    if (is(token, '(')) {
      call(function_);
    }
    function_ = Word::none;
  }
  switch (word) {
    case Word::none:
      break;
    case Word::temp:
    case Word::temporary:
      if (previous_ == Word::create || previous_ == Word::local || previous_ == Word::global ||
          previous_ == Word::replace ||
          (previous_ == Word::into && verb_ != Word::insert && verb_ != Word::merge)) {
        effects_.pins.add(Pin::temporary);
      }
      break;
    case Word::pg_temp:
      effects_.pins.add(Pin::temporary);
      break;
    case Word::hold:
      if (verb_ == Word::declare && previous_ == Word::with) {
        effects_.pins.add(Pin::cursor);
      }
      break;
    case Word::insert:
    case Word::update:
    case Word::merge:
    case Word::copy:
    case Word::call:
    case Word::execute:
    case Word::do_:
      effects_.writes = true;
      break;
    default:
      function_ = word;  // call() knows the functions among them
  }
}

void Classifier::call(Word word) {
  switch (word) {
    case Word::set_config:
      if (config_depth_ != 0) {
        effects_.pins.add(Pin::settings);
      }
      config_depth_ = 1;
      config_commas_ = config_local_ = 0;
      break;
    case Word::pg_advisory_lock:
    case Word::pg_advisory_lock_shared:
    case Word::pg_try_advisory_lock:
    case Word::pg_try_advisory_lock_shared:
      effects_.pins.add(Pin::lock);
      break;
    case Word::pg_advisory_unlock_all:
      if (verb_ == Word::select && tokens_ <= 3) {
        effects_.unpins.add(Pin::lock);
        cleaned_ = true;
      }
      break;
    case Word::pg_backend_pid:
      effects_.pins.add(Pin::backend_identity);
      break;
    case Word::setseed:
    case Word::dblink_connect:
    case Word::dblink_connect_u:
    case Word::origin_session_setup:
      effects_.pins.add(Pin::session);
      break;
    case Word::nextval:
    case Word::setval:
      effects_.writes = true;
      break;
    case Word::currval:
    case Word::lastval:
      effects_.needs_sequence = effects_.needs_sequence || !effects_.writes;
      break;
    default:
      break;
  }
}

// Code in a string (DO): no grammar to lean on, so a word is enough.
void Classifier::in_code(const Token& token, Word word) {
  bool starts = code_quoted_ || begins_code(previous_);
  code_quoted_ = token.kind != TokenKind::word;
  previous_ = word;
  if (token.kind != TokenKind::word) {
    return;
  }
  if (code_set_ && (word == Word::local || word == Word::transaction)) {
    effects_.pins = before_set_;
  }
  code_set_ = false;
  switch (word) {
    case Word::set:
    case Word::reset:
    case Word::discard:
      if (starts) {
        before_set_ = effects_.pins;
        code_set_ = true;
        effects_.pins.add(Pin::settings);
        effects_.pins.add(Pin::role);
      }
      break;
    case Word::set_config:
      effects_.pins.add(Pin::settings);
      break;
    case Word::listen:
    case Word::load:
    case Word::prepare:
    case Word::deallocate:
      if (starts) {
        effects_.pins.add(word == Word::listen ? Pin::listen
                          : word == Word::load ? Pin::session
                                               : Pin::prepared);
      }
      break;
    case Word::temp:
    case Word::temporary:
      effects_.pins.add(Pin::temporary);
      break;
    case Word::hold:
      effects_.pins.add(Pin::cursor);
      break;
    default:
      call(word);
      config_depth_ = 0;
  }
}

Effects classify(std::string_view text, ScannerOptions options) {
  Classifier classifier(options);
  classifier.feed(as_bytes(text));
  return std::move(classifier.finish());
}

}  // namespace sluice::protocol::sql
