#include "protocol/sql/statement_judge.hpp"

#include <string>

namespace sluice::protocol::sql {
namespace {

using enum Term;
using Kind = StatementKind;

bool plain_word(const Token& token) {
  return token.kind == TokenKind::word;
}

bool is_symbol(const Token& token, char which) {
  return token.kind == TokenKind::symbol && token.text.front() == which;
}

}  // namespace

void StatementJudge::take(const Token& token, Term term) {
  if (token.kind == TokenKind::semicolon) {
    end_statement();
    return;
  }
  if (++tokens_ == 1) {
    unclear_ = unclear_ || read_anew_;
  }
  if (symbol_ == '.' && term != write_function && term != set_config && term != read_only_setting &&
      term != reading && term != global) {
    term = none;  // the name of a column or the like
  }
  const char symbol = token.kind == TokenKind::symbol ? token.text.front() : '\0';
  if (symbol == ')' && depth_ > 0) {
    --depth_;
  }
  follow(token, term);
  if (phase_ == Phase::start) {
    begin(token, term);
  } else {
    anywhere(token, term);
    if (phase_ != Phase::done) {
      step(token, term);
    }
  }
  if (symbol == '(') {
    ++depth_;
  }
  before_ = previous_;
  previous_ = plain_word(token) ? term : none;
  symbol_ = symbol;
}

void StatementJudge::begin(const Token& token, Term term) {
  if (is_symbol(token, '(')) {
    return;
  }
  const Verb verb = plain_word(token) ? verb_of(term) : Verb{};
  set_kind(verb.kind);
  phase_ = verb.phase;
  if (verb.writes) {
    wrote();
  }
  with_ = with_ || term == with;
  target_ = phase_ == Phase::set;
}

StatementJudge::Verb StatementJudge::verb_of(Term term) const {
  const bool mysql = options_.mysql;
  switch (term) {
    case select:
    case values:
    case table:
      return {Kind::select, false};
    case with:
      return {Kind::empty, false, Phase::with};
    case insert:
      return {Kind::insert, true};
    case update:
      return {Kind::update, true};
    case delete_:
      return {Kind::delete_, true};
    case merge:
    case replace:
      return {Kind::merge, true};
    case copy:
      return {Kind::copy, false, Phase::copy};
    case load:
      return mysql ? Verb{Kind::copy, true, Phase::load} : Verb{};
    case create:
    case import:
      return {Kind::create, true, Phase::object};
    case alter:
    case comment:
    case rename:
    case security:
      return {Kind::alter, true, Phase::object};
    case drop:
      return {Kind::drop, false, Phase::object};
    case truncate:
      return {Kind::truncate, true};
    case grant:
      return {Kind::grant, true};
    case Term::begin:
      return {Kind::begin, false, Phase::begin};
    case start:
      return {Kind::other, false, Phase::start_word};
    case commit:
    case end:
      return {Kind::commit, false, Phase::commit};
    case rollback:
    case abort_:
      return {Kind::rollback, false, Phase::rollback};
    case savepoint:
    case release:
      return {Kind::savepoint, false};
    case set:
      return {Kind::set, false, Phase::set};
    case reset:
      return mysql ? Verb{Kind::maintain, true} : Verb{Kind::set, false, Phase::reset};
    case use:
    case discard:
      return {Kind::set, false};
    case show:
    case help:
    case get:
      return {Kind::show, false};
    case describe:
    case explain:
      return {Kind::show, false, Phase::explain};
    case analyze:
      return mysql ? Verb{Kind::maintain, false, Phase::analyze} : Verb{Kind::maintain, true};
    case maintain:
      return {Kind::maintain, true};
    case call:
      return {Kind::call, true};
    case do_:
      return mysql ? Verb{Kind::call, false} : Verb{Kind::call, true, Phase::code};
    case prepare:
      return {Kind::prepare, false, Phase::prepare};
    case execute:
      return {Kind::prepare, true, Phase::execute};
    case deallocate:
      return {Kind::prepare, false};
    case Term::cursor:
      return {Kind::cursor, false};
    case lock:
      return {Kind::lock, false, Phase::lock};
    case unlock:
      return {Kind::lock, false};
    case listen:
      return {Kind::listen, false};
    case kill:
      return {Kind::kill, false};
    case xa:
      return {Kind::other, false, Phase::xa};
    default:
      return {};
  }
}

void StatementJudge::end_statement() {
  if (tokens_ != 0) {
    const bool open_with = phase_ == Phase::with && kind_ == Kind::empty;
    if (kind_ == Kind::empty) {
      kind_ = open_with ? Kind::select : Kind::other;  // WITH ... (SELECT ...), or no word at all
      writes_ = writes_ || !open_with;
    }
    const bool strong_lock = phase_ == Phase::lock && !options_.mysql && !weak_lock_;
    const bool half = phase_ == Phase::start || phase_ == Phase::start_word ||
                      phase_ == Phase::object || phase_ == Phase::xa || config_ != 0 ||
                      read_only_ == 1 || (phase_ == Phase::explain && analyze_);
    if (strong_lock || half) {
      wrote();
    }
    add(kind_);
    if (statements_++ == 0) {
      first_ = kind_;
    }
  }
  phase_ = Phase::start;
  kind_ = Kind::empty;
  fixed_ = planned_ = with_ = analyze_ = weak_lock_ = target_ = false;
  read_only_ = config_ = 0;
  tokens_ = depth_ = 0;
  previous_ = before_ = none;
  symbol_ = 0;
}

void StatementJudge::set_kind(StatementKind kind) {
  if (!fixed_) {
    kind_ = kind;
  } else if (!planned_ && kind != Kind::empty) {
    add(kind);
  }
}

// A statement inside of this one, or a part of it, changes something.
void StatementJudge::changes(StatementKind kind) {
  if (!planned_) {
    add(kind);
  }
  wrote();
}

// What a token means because of the one before it, wherever the two stand.
void StatementJudge::follow(const Token& token, Term term) {
  if (config_ != 0) {
    follow_set_config(token);
  }
  if (read_only_ == 2) {  // SET x_read_only = on: nothing else may belong to the value
    read_only_ = 0;
    if (!is_symbol(token, ',')) {
      wrote();
    }
  }
  switch (previous_) {
    case into:  // SELECT ... INTO table, OUTFILE; not a variable of MySQL
      if (!is_symbol(token, '@')) {
        wrote();
      }
      break;
    case for_:  // FOR UPDATE; FOR SHARE where the server refuses it in read only transactions
      if (term == update || (!options_.mysql && (term == share || term == no || term == key))) {
        wrote();
      }
      break;
    case insert:  // the verb, if no function's
      if (phase_ != Phase::start && with_ && !is_symbol(token, '(')) {
        changes(Kind::insert);
      }
      break;
    case next:  // NEXT VALUE FOR sequence
      if (term == value) {
        wrote();
      }
      break;
    default:
      break;
  }
}

// set_config('name', ...): the name must be seen.
void StatementJudge::follow_set_config(const Token& token) {
  switch (config_) {
    case 1:
      config_ = is_symbol(token, '(') ? 2 : 0;
      return;
    case 2: {
      constexpr std::string_view kName = "read_only";
      const bool clear = token.kind == TokenKind::string && !token.truncated && !token.escaped;
      std::string name(token.text);
      for (char& c : name) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
      }
      if (!clear || name.find(kName) != std::string::npos) {
        wrote();
      }
      config_ = 3;
      return;
    }
    default:
      config_ = 0;
      if (!is_symbol(token, ',')) {
        wrote();
      }
  }
}

// What matters wherever it stands in a statement.
void StatementJudge::anywhere(const Token& token, Term term) {
  switch (term) {
    case with:
      with_ = with_ || plain_word(token);
      break;
    case write_function:
      wrote();
      break;
    case set_config:
      config_ = 1;
      break;
    case update:
    case delete_:
    case merge:
    case insert:
      // Behind WITH ... AS ( and in COPY (...) TO. INSERT may be a function: see follow().
      if (plain_word(token) && (with_ || symbol_ == '(') && previous_ != for_ && previous_ != key) {
        if (term != insert) {
          changes(verb_of(term).kind);
        } else {
          with_ = true;
        }
      }
      break;
    default:
      break;
  }
}

}  // namespace sluice::protocol::sql
