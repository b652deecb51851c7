// What comes behind the first word of a statement, kind by kind.

#include "protocol/sql/characters.hpp"
#include "protocol/sql/statement_judge.hpp"

namespace sluice::protocol::sql {
namespace {

using enum Term;
using Kind = StatementKind;

bool is_symbol(const Token& token, char which) {
  return token.kind == TokenKind::symbol && token.text.front() == which;
}

}  // namespace

void StatementJudge::step(const Token& token, Term term) {
  switch (phase_) {
    case Phase::with:
      if (depth_ == 0 && token.kind == TokenKind::word) {
        const Verb verb = verb_of(term);
        const bool main = verb.kind == Kind::select || verb.kind == Kind::insert ||
                          verb.kind == Kind::update || verb.kind == Kind::delete_ ||
                          (verb.kind == Kind::merge && term == merge);
        if (main) {
          set_kind(verb.kind);
          phase_ = Phase::done;
        }
      }
      break;
    case Phase::explain:
    case Phase::explain_options:
    case Phase::analyze:
      step_explain(token, term);
      break;
    case Phase::set:
    case Phase::set_statement:
    case Phase::reset:
      step_set(token, term);
      break;
    case Phase::object:
      step_object(term);
      break;
    case Phase::copy:
    case Phase::copy_to:
    case Phase::load:
      step_copy(token, term);
      break;
    case Phase::lock:
      if (term == write || term == instance) {
        wrote();  // MySQL
      }
      weak_lock_ = weak_lock_ || (previous_ == access && term == share);
      break;
    case Phase::prepare:
    case Phase::prepare_text:
    case Phase::execute:
    case Phase::code:
      step_prepare(token, term);
      break;
    default:
      step_transaction(term);
  }
}

// MySQL's DESCRIBE takes tables too, and their names may be those of other statements.
bool StatementJudge::explainable(Term term) const {
  switch (verb_of(term).kind) {
    case Kind::empty:  // WITH
    case Kind::select:
    case Kind::insert:
    case Kind::update:
    case Kind::delete_:
    case Kind::merge:
      return true;
    case Kind::other:
      return false;
    default:
      return !options_.mysql;
  }
}

// EXPLAIN [ANALYZE] [VERBOSE | FORMAT = x | (options)] statement, or a table's name.
void StatementJudge::step_explain(const Token& token, Term term) {
  if (term == analyze) {
    analyze_ = true;
    return;
  }
  if (phase_ == Phase::analyze && (term == table || term == local)) {
    wrote();
    phase_ = Phase::done;
    return;
  }
  if (is_symbol(token, '(')) {
    phase_ = phase_ == Phase::explain ? Phase::explain_options : phase_;
    return;
  }
  if (is_symbol(token, ')') && depth_ == 0) {
    phase_ = phase_ == Phase::explain_options ? Phase::explain : phase_;
    return;
  }
  if (token.kind == TokenKind::word && explainable(term)) {
    if (!analyze_ && phase_ != Phase::analyze) {
      set_kind(Kind::explain);
      fixed_ = planned_ = true;
    }
    begin(token, term);
    return;
  }
  const bool option = term == explain_option || term == format || symbol_ == '=' ||
                      previous_ == format || token.kind == TokenKind::symbol;
  if (phase_ == Phase::explain && !option && !analyze_) {
    phase_ = Phase::done;  // a table: SHOW COLUMNS by another name
  }
}

void StatementJudge::step_set(const Token& token, Term term) {
  const bool first = tokens_ == 2;
  if (phase_ == Phase::set_statement) {
    if (term == for_ && depth_ == 0) {
      add(Kind::set);
      phase_ = Phase::start;
    }
    return;
  }
  if (phase_ == Phase::reset) {
    if (term == read_only_setting) {
      wrote();
    }
    return;
  }
  if (first && term == password) {
    set_kind(Kind::grant);
    wrote();
    return;
  }
  if (first && options_.mysql && term == statement) {
    phase_ = Phase::set_statement;
    return;
  }
  if (previous_ == default_ && before_ == set && term == role) {
    set_kind(Kind::grant);
    wrote();
  }
  if (previous_ == read && term == write) {  // SET TRANSACTION READ WRITE
    wrote();
  }
  if (read_only_ == 1 && !is_symbol(token, '=') && !is_symbol(token, ':') && term != to) {
    const bool yes =
        term == true_ || term == on ||
        ((token.kind == TokenKind::number || token.kind == TokenKind::string) &&
         (token.text == "1" || same_word(token.text, "on") || same_word(token.text, "true")));
    read_only_ = yes ? 2 : 0;
    if (!yes) {
      wrote();
    }
  } else if (target_ && term == read_only_setting) {
    read_only_ = 1;
  } else if (target_ && term == global) {
    wrote();  // for all sessions
  } else if (target_ && term == reading) {
    read_anew_ = options_.mysql;
  }
  if (is_symbol(token, '=') || term == to) {
    target_ = false;
  } else if (is_symbol(token, ',') && depth_ == 0) {
    target_ = true;
  }
}

void StatementJudge::step_object(Term term) {
  switch (term) {
    case or_:
    case replace:
      return;
    case role:
      add(kind_);
      set_kind(Kind::grant);
      wrote();
      break;
    case default_:  // ALTER DEFAULT PRIVILEGES
      return;
    case privileges:
      if (previous_ == default_) {
        add(kind_);
        set_kind(Kind::grant);
      }
      break;
    case prepare:
      if (kind_ == Kind::drop) {  // MySQL: DROP PREPARE
        set_kind(Kind::prepare);
        break;
      }
      [[fallthrough]];
    default:
      wrote();
  }
  phase_ = Phase::done;
}

void StatementJudge::step_copy(const Token& token, Term term) {
  if (phase_ == Phase::load) {
    if (term == index) {
      set_kind(Kind::maintain);
    }
    phase_ = Phase::done;
    return;
  }
  if (phase_ == Phase::copy_to) {  // a file of the server, or a program
    if (term != stdout_) {
      wrote();
    }
    phase_ = Phase::done;
    return;
  }
  if (depth_ != 0 || token.kind != TokenKind::word) {
    return;
  }
  if (term == from) {
    wrote();
    phase_ = Phase::done;
  } else if (term == to) {
    phase_ = Phase::copy_to;
  }
}

void StatementJudge::step_prepare(const Token& token, Term term) {
  if (phase_ == Phase::code) {
    if (token.kind == TokenKind::string) {
      words_of_code(raw(token));
    }
    return;
  }
  if (phase_ == Phase::prepare_text) {
    inner_text(token);
    phase_ = Phase::done;
    return;
  }
  if (phase_ == Phase::execute) {
    phase_ = term == immediate && options_.mysql ? Phase::prepare_text : Phase::done;
    return;
  }
  if (tokens_ == 2 && term == transaction && !options_.mysql) {
    set_kind(Kind::commit);
    phase_ = Phase::done;
  } else if (term == as && depth_ == 0 && !options_.mysql && tokens_ > 2) {
    fixed_ = true;
    phase_ = Phase::start;
  } else if (term == from && options_.mysql && tokens_ > 2) {
    phase_ = Phase::prepare_text;
  }
}

// MySQL: the text of a statement as a literal. One in a variable cannot be seen.
void StatementJudge::inner_text(const Token& token) {
  const std::string_view quoted = raw(token);
  const bool plain = token.kind == TokenKind::string && !token.escaped && quoted.size() >= 2 &&
                     (quoted.front() == '\'' || quoted.front() == '"');
  if (!plain) {
    wrote();
    return;
  }
  const Digest inner = digest(quoted.substr(1, quoted.size() - 2), options_);
  kinds_ |= inner.kinds;
  if (inner.writes) {
    wrote();
  }
}

// Each word that would change something if a statement began with it.
void StatementJudge::words_of_code(std::string_view code) {
  const auto letter = [](char c) { return in_word(static_cast<std::uint8_t>(c)); };
  for (std::size_t at = 0; at < code.size();) {
    if (!letter(code[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < code.size() && letter(code[at])) {
      ++at;
    }
    const Verb verb = verb_of(find_term(code.substr(begin, at - begin)));
    if (verb.kind != Kind::other && verb.kind != Kind::empty &&
        (verb.writes || verb.kind == Kind::drop || verb.kind == Kind::copy)) {
      add(verb.kind);
    }
  }
}

void StatementJudge::step_transaction(Term term) {
  switch (phase_) {
    case Phase::begin:
      if ((previous_ == read && term == write) || term == not_) {
        wrote();
      }
      if (term == not_) {  // MariaDB: BEGIN NOT ATOMIC ... END
        set_kind(Kind::other);
      }
      break;
    case Phase::start_word:
      if (term == transaction) {
        set_kind(Kind::begin);
        phase_ = Phase::begin;
      } else {
        wrote();
        phase_ = Phase::done;
      }
      break;
    case Phase::commit:
    case Phase::rollback:
      if (term == prepared) {  // what another session has prepared
        wrote();
      } else if (term == to && phase_ == Phase::rollback) {
        set_kind(Kind::savepoint);
      }
      break;
    case Phase::xa:
      set_kind(term == start || term == Term::begin               ? Kind::begin
               : term == end || term == prepare || term == commit ? Kind::commit
               : term == rollback                                 ? Kind::rollback
               : term == recover                                  ? Kind::show
                                                                  : Kind::other);
      if (kind_ == Kind::other) {
        wrote();
      }
      phase_ = Phase::done;
      break;
    default:
      break;
  }
}

}  // namespace sluice::protocol::sql
