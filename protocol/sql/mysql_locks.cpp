#include "protocol/sql/mysql_locks.hpp"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace sluice::protocol::sql {
namespace {

std::string lower(std::string_view text) {
  std::string word(text);
  for (char& c : word) {
    c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return word;
}

bool one_of(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_symbol(const Token& token, char text) {
  return token.kind == TokenKind::symbol && token.text[0] == text;
}

bool is_quoted(TokenKind kind) {
  return kind == TokenKind::quoted_word || kind == TokenKind::string;
}

bool is_scope(std::string_view word) {
  return one_of(word, {"session", "local", "global", "persist", "persist_only"});
}

bool contains(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

}  // namespace

std::string fold_variable(std::string_view name) {
  std::string folded = lower(name);
  if (folded == "tx_isolation") {
    return "transaction_isolation";
  }
  return folded == "tx_read_only" ? "transaction_read_only" : folded;
}

MysqlLockReader::MysqlLockReader(const MysqlLocks& locks, MysqlSyntax syntax)
    : locks_(locks), scanner_(ScannerOptions{true, syntax.backslash_escapes, syntax.ansi_quotes}) {}

void MysqlLockReader::feed(Bytes text) {
  Token token;
  while (scanner_.next(text, token)) {
    take(token);
  }
}

void MysqlLockReader::finish() {
  Token token;
  while (scanner_.finish(token)) {
    take(token);
  }
  if (signs_ != 0) {
    end_variable();
  }
}

void MysqlLockReader::breach(Breach breach, std::string_view name) {
  if (breach_ == Breach::none && locks_.locks()) {
    breach_ = breach;
    name_ = name;
  }
}

void MysqlLockReader::take(const Token& token) {
  if (signs_ != 0) {
    if (in_variable(token)) {
      last_end_ = token.end;
      last_kind_ = token.kind;
      return;
    }
    end_variable();
  }
  if (std::exchange(colon_, false) && is_symbol(token, ':')) {
    assign_user_variable();
  }
  if (token.kind == TokenKind::semicolon) {
    end_statement();
  } else if (is_symbol(token, '@')) {
    // 'user'@'host' names an account; what else follows an '@' is a variable.
    const bool account = token.begin == last_end_ && is_quoted(last_kind_);
    if (!account) {
      signs_ = 1;
      assigned_ = verb_ == Verb::target || verb_ == Verb::other || into_ == 1;
      variable_.clear();
      quoted_ = escaped_ = false;
    }
  } else {
    plain(token);
  }
  last_end_ = token.end;
  last_kind_ = token.kind;
}

void MysqlLockReader::end_statement() {
  verb_ = Verb::none;
  statement_ = global_ = false;
  into_ = 0;
  depth_ = words_ = 0;
  previous_.clear();
}

// Part of the name after '@' or '@@': a quoted one, or words, numbers and dots side by side.
bool MysqlLockReader::in_variable(const Token& token) {
  const bool adjacent = token.begin == last_end_;
  if (is_symbol(token, '@')) {
    const bool second = adjacent && signs_ == 1 && variable_.empty() && !quoted_;
    signs_ = second ? 2 : signs_;
    return second;
  }
  const bool dot = is_symbol(token, '.');
  const bool dotted = !variable_.empty() && variable_.back() == '.';
  if (signs_ == 2 && !variable_.empty()) {  // @@session . name, with blanks or without
    if (!dot && !dotted) {
      return false;
    }
  } else if (!adjacent || quoted_) {
    return false;
  }
  if (is_quoted(token.kind)) {
    if (signs_ == 1 && !variable_.empty()) {
      return false;
    }
    quoted_ = signs_ == 1;
    escaped_ = token.escaped || token.truncated;
  } else if (token.kind != TokenKind::word && token.kind != TokenKind::number && !dot) {
    return false;
  }
  variable_ += token.text;
  return true;
}

// The name that began with '@' is complete.
void MysqlLockReader::end_variable() {
  const bool system = std::exchange(signs_, std::uint8_t{0}) == 2;
  ++words_;
  if (system) {
    if (verb_ != Verb::target) {
      return;
    }
    std::string name = lower(variable_);
    const std::size_t dot = name.find('.');
    if (dot != std::string::npos && is_scope(std::string_view(name).substr(0, dot))) {
      global_ = !one_of(name.substr(0, dot), {"session", "local"});
      name.erase(0, dot + 1);
    }
    set_target(name);
    return;
  }
  into_ = into_ == 1 ? 2 : 0;
  foreign_ = foreign_ || escaped_ || !contains(locks_.carried, "@" + lower(variable_));
  if (assigned_) {
    assign_user_variable();
  } else {
    colon_ = true;
  }
  verb_ = verb_ == Verb::target ? Verb::set : verb_;
}

void MysqlLockReader::assign_user_variable() {
  foreign_ = true;
  const std::string name = "@" + lower(variable_);
  const bool any = escaped_ && std::any_of(locks_.fixed.begin(), locks_.fixed.end(),
                                           [](const auto& fixed) { return fixed[0] == '@'; });
  if (any || contains(locks_.fixed, name)) {
    breach(Breach::setting, name);
  }
}

// A token that belongs to no variable.
void MysqlLockReader::plain(const Token& token) {
  const std::string word = token.kind == TokenKind::word ? lower(token.text) : std::string();
  ++words_;
  follow_into(token, word);
  if (verb_ == Verb::none) {
    if (!word.empty()) {
      first_word(word);
    } else if (!is_symbol(token, '(')) {
      verb_ = Verb::other;
    }
  } else if (words_ == 2 && is_symbol(token, ':')) {
    breach(Breach::unseen);  // a label: MariaDB's compound statements
  } else if (verb_ == Verb::begin) {
    begin_word(word);
  } else if (verb_ == Verb::target || verb_ == Verb::set) {
    set_token(token, word);
  }
  previous_ = word;
}

void MysqlLockReader::first_word(std::string_view word) {
  if (word == "set") {
    verb_ = Verb::target;
  } else if (one_of(word, {"begin", "start"})) {
    verb_ = Verb::begin;
  } else if (one_of(word,
                    {"select", "insert", "update", "delete", "replace", "with", "values", "table",
                     "explain", "describe", "desc", "analyze", "do", "create", "alter", "show"})) {
    verb_ = Verb::reads;
  } else {
    verb_ = Verb::other;
  }
  if (one_of(word,
             {"prepare", "execute", "if", "case", "loop", "while", "repeat", "for", "declare"})) {
    breach(Breach::unseen);
  }
}

// BEGIN NOT ATOMIC; START TRANSACTION ... READ WRITE.
void MysqlLockReader::begin_word(std::string_view word) {
  if (words_ == 2 && word == "not") {
    breach(Breach::unseen);
  } else if (previous_ == "read" && word == "write" && locks_.read_only) {
    breach(Breach::read_write);
  }
}

void MysqlLockReader::set_token(const Token& token, const std::string& word) {
  if (is_symbol(token, '(')) {
    ++depth_;
  } else if (is_symbol(token, ')')) {
    depth_ -= depth_ > 0 ? 1 : 0;
  }
  // SET TRANSACTION: its words stand in the place of assignments.
  if (previous_ == "read" && word == "write") {
    assign("transaction_read_only");
  } else if (previous_ == "isolation" && word == "level") {
    assign("transaction_isolation");
  }
  if (verb_ == Verb::target) {
    if (!word.empty() || token.kind == TokenKind::quoted_word) {
      set_target(word.empty() ? lower(token.text) : word);
    } else {
      verb_ = Verb::set;
    }
  } else if (depth_ == 0 && statement_ && word == "for") {
    end_statement();
  } else if (depth_ == 0 && is_symbol(token, ',')) {
    verb_ = Verb::target;
    global_ = false;
  }
}

// What SET is about, in lower case and without its scope.
void MysqlLockReader::set_target(std::string_view name) {
  if (is_scope(name)) {
    global_ = !one_of(name, {"session", "local"});
    return;
  }
  if (name == "statement" && words_ == 2) {
    statement_ = true;
    return;
  }
  verb_ = Verb::set;
  if (one_of(name, {"names", "character", "charset", "char"})) {
    for (std::string_view one : {"character_set_client", "character_set_connection",
                                 "character_set_results", "collation_connection"}) {
      assign(one);
    }
  } else if (!global_) {
    assign(fold_variable(name));
  }
}

void MysqlLockReader::assign(std::string_view name) {
  if (locks_.read_only && name == "transaction_read_only") {
    breach(Breach::read_write);
  } else if (contains(locks_.fixed, name)) {
    breach(Breach::setting, name);
  }
}

// SELECT ... INTO @a, @b
void MysqlLockReader::follow_into(const Token& token, std::string_view word) {
  const bool more = into_ == 2 && is_symbol(token, ',');
  into_ = word == "into" || more ? 1 : 0;
}

}  // namespace sluice::protocol::sql
