#include "protocol/sql/mysql_classifier.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "protocol/sql/plain.hpp"

namespace sluice::protocol::sql {
namespace {

using enum MysqlTrait;

// Functions that matter; a '(' must follow.
constexpr std::array<std::pair<std::string_view, MysqlTrait>, 10> kFunctions{{
    {"connection_id", backend_identity},
    {"found_rows", found_rows},
    {"get_lock", named_lock},
    {"last_insert_id", last_insert_id},
    {"release_all_locks", release_locks},
    {"row_count", row_count},
    {"service_get_read_locks", named_lock},
    {"service_get_write_locks", named_lock},
    {"version_tokens_lock_exclusive", named_lock},
    {"version_tokens_lock_shared", named_lock},
}};

// Variables after @@.
constexpr std::array<std::pair<std::string_view, MysqlTrait>, 5> kVariables{{
    {"error_count", diagnostics},
    {"identity", last_insert_id},
    {"last_insert_id", last_insert_id},
    {"pseudo_thread_id", backend_identity},
    {"warning_count", diagnostics},
}};

constexpr std::size_t kLongestWord = 29;

std::string lower(std::string_view text) {
  std::string word(text.substr(0, kLongestWord + 1));
  for (char& c : word) {
    c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return word;
}

bool one_of(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_name(TokenKind kind) {
  return kind == TokenKind::word || kind == TokenKind::quoted_word || kind == TokenKind::string;
}

}  // namespace

MysqlClassifier::MysqlClassifier(MysqlSyntax syntax)
    : scanner_(ScannerOptions{true, syntax.backslash_escapes, syntax.ansi_quotes}) {}

void MysqlClassifier::feed(Bytes text) {
  Token token;
  while (scanner_.next(text, token)) {
    take(token);
  }
}

void MysqlClassifier::finish() {
  Token token;
  while (scanner_.finish(token)) {
    take(token);
  }
}

void MysqlClassifier::take(const Token& token) {
  if (head_ == Head::stored) {
    return;
  }
  if (token.kind == TokenKind::semicolon) {
    first_ = first_ && head_ == Head::none;
    head_ = Head::none;
    names_ = Names::none;
    call_pending_ = false;
    words_ = 0;
    at_ = 0;
    last_kind_ = token.kind;
    return;
  }
  if (head_ == Head::none && !first_) {
    statement_.add(multi);
  }
  const bool symbol = token.kind == TokenKind::symbol;
  if (call_pending_ && symbol && token.text == "(") {
    function_call();
  }
  call_pending_ = false;
  if (symbol && token.text == "@") {
    // 'user'@'host' names an account; what else follows an '@' is a variable.
    const bool account = at_ == 0 && token.begin == last_end_ &&
                         (last_kind_ == TokenKind::string || last_kind_ == TokenKind::quoted_word);
    at_ = account ? 3 : static_cast<std::uint8_t>(at_ + 1);
  } else if (at_ != 0) {
    variable(token);
  } else if (token.kind == TokenKind::word) {
    word_ = lower(token.text);
    if (head_ == Head::none) {
      first_word(word_);
    } else {
      head_word(token);
    }
    call_pending_ = true;
    if (word_ == "sql_calc_found_rows") {
      statement_.add(calc_found_rows);
    }
  } else {
    if (head_ == Head::none && !(symbol && token.text == "(")) {
      head_ = Head::other;
    }
    head_word(token);
    if (token.kind == TokenKind::quoted_word) {  // `f`() calls f too
      word_ = lower(token.text);
      call_pending_ = true;
    }
  }
  words_ = static_cast<std::uint8_t>(std::min<unsigned>(words_ + 1U, 255U));
  last_end_ = token.end;
  last_kind_ = token.kind;
}

// The token after '@' or '@@'.
void MysqlClassifier::variable(const Token& token) {
  const std::uint8_t signs = std::exchange(at_, std::uint8_t{0});
  if (signs == 1) {
    statement_.add(user_variable);
    return;
  }
  if (signs == 4 && token.text == ".") {
    at_ = 2;
    return;
  }
  if (signs != 2 || !is_name(token.kind)) {
    return;
  }
  word_ = lower(token.text);
  if (one_of(word_, {"session", "local", "global", "persist"})) {
    at_ = 4;  // '.' and the name come next
    return;
  }
  mention(word_);
}

void MysqlClassifier::mention(std::string_view word) {
  for (const auto& [name, trait] : kVariables) {
    if (name == word && (trait != diagnostics || first_)) {
      statement_.add(trait);
    }
  }
}

void MysqlClassifier::function_call() {
  for (const auto& [name, trait] : kFunctions) {
    if (name == word_ && (first_ || (trait != found_rows && trait != row_count))) {
      statement_.add(trait);
    }
  }
}

void MysqlClassifier::first_word(std::string_view word) {
  static constexpr std::array<std::pair<std::string_view, Head>, 13> kHeads{{
      {"set", Head::set},
      {"lock", Head::lock},
      {"unlock", Head::unlock},
      {"flush", Head::flush},
      {"create", Head::create},
      {"alter", Head::alter},
      {"show", Head::show},
      {"get", Head::get},
      {"kill", Head::kill},
      {"load", Head::load},
      {"xa", Head::xa},
      {"begin", Head::begin},
      {"start", Head::start},
  }};
  if (one_of(word, {"begin", "savepoint"})) {
    statement_.opens_transaction = true;
  } else if (one_of(word, {"commit", "rollback"})) {
    statement_.opens_transaction = false;
  }
  static constexpr std::array<std::pair<std::string_view, MysqlTrait>, 13> kWhole{{
      {"prepare", text_prepare},
      {"execute", text_prepare},
      {"handler", handler},
      {"call", opaque},
      {"if", opaque},
      {"case", opaque},
      {"loop", opaque},
      {"while", opaque},
      {"repeat", opaque},
      {"for", opaque},
      {"declare", opaque},
      {"use", use},
      {"binlog", uncarried},
  }};
  head_ = Head::other;
  for (const auto& [name, head] : kHeads) {
    if (name == word) {
      head_ = head;
    }
  }
  for (const auto& [name, trait] : kWhole) {
    if (name == word) {
      statement_.add(trait);
    }
  }
  if (head_ == Head::set) {
    statement_.add(set);
    assignment_ = true;
  }
}

void MysqlClassifier::head_word(const Token& token) {
  if (head_ == Head::set) {
    set_word(token);
    return;
  }
  if (head_ == Head::kill) {
    kill_token(token);
    return;
  }
  if (token.kind != TokenKind::word) {
    if (words_ == 1 && token.text == ":") {  // a label: MariaDB's compound statements
      statement_.add(opaque);
    }
    return;
  }
  switch (head_) {
    case Head::lock:
    case Head::unlock: {
      const bool takes = head_ == Head::lock;
      if (words_ == 1) {
        const bool instance = word_ == "instance";
        statement_.add(takes ? (instance ? lock_instance : lock_tables)
                             : (instance ? unlock_instance : unlock_tables));
      }
      break;
    }
    case Head::flush:
      if (one_of(word_, {"read", "export"})) {
        statement_.add(lock_tables);
      }
      break;
    case Head::create:
      create_word(word_);
      break;
    case Head::alter:
      if (word_ == "event") {
        head_ = Head::stored;
      }
      break;
    case Head::show:
      if (words_ == 1 && first_ && one_of(word_, {"warnings", "errors", "count"})) {
        statement_.add(diagnostics);
      }
      break;
    case Head::get:
      if (first_ && word_ == "diagnostics") {
        statement_.add(diagnostics);
      }
      break;
    case Head::load:
      if (words_ <= 4 && word_ == "local") {
        statement_.add(load_local);
      }
      break;
    case Head::xa:
      if (words_ == 1 && one_of(word_, {"start", "begin"})) {
        statement_.add(xa_begin);
        statement_.opens_transaction = true;
      } else if (words_ == 1 && one_of(word_, {"commit", "rollback"})) {
        statement_.add(xa_end);
        statement_.opens_transaction = false;
      }
      break;
    case Head::begin:
      if (words_ == 1 && word_ == "not") {  // BEGIN NOT ATOMIC
        statement_.add(opaque);
        statement_.opens_transaction = false;
      }
      break;
    case Head::start:
      if (words_ == 1 && word_ == "transaction") {
        statement_.opens_transaction = true;
      }
      break;
    default:
      break;
  }
}

void MysqlClassifier::create_word(std::string_view word) {
  if (word == "temporary") {
    statement_.add(temporary);
  } else if (one_of(word, {"procedure", "function", "trigger", "event", "package"})) {
    head_ = Head::stored;
  } else if (one_of(word, {"table", "view", "database", "schema", "index", "user", "role", "server",
                           "sequence", "tablespace", "logfile", "resource", "spatial"})) {
    head_ = Head::other;
  }
}

// SET a = 1, NAMES x COLLATE y, CHARACTER SET z ...
void MysqlClassifier::set_word(const Token& token) {
  if (names_ != Names::none && is_name(token.kind)) {
    if (names_ == Names::value) {
      statement_.collation = token.text;
      names_ = Names::none;
      return;
    }
    const bool collate = token.kind == TokenKind::word && word_ == "collate";
    names_ = names_ == Names::charset ? Names::collate : collate ? Names::value : Names::none;
    return;
  }
  if (autocommit_ && token.kind != TokenKind::symbol) {
    autocommit_ = assignment_ = false;
    statement_.opens_transaction = !one_of(lower(token.text), {"1", "on", "true"});
    return;
  }
  if (token.kind == TokenKind::symbol) {
    assignment_ = token.text == ",";
    names_ = Names::none;
    return;
  }
  if (!assignment_ || token.kind != TokenKind::word) {
    assignment_ = false;
    return;
  }
  const bool start = words_ == 1;
  assignment_ = one_of(word_, {"session", "local", "global"});
  if (word_ == "names") {
    names_ = Names::charset;
    statement_.collation.clear();
  } else if (one_of(word_, {"character", "charset", "char"})) {
    statement_.add(set_character);
  } else if (start && word_ == "role") {
    statement_.add(role);
  } else if (start && word_ == "statement") {
    statement_.add(set_statement);
  } else if (start && word_ == "resource") {
    statement_.add(uncarried);
  } else if (word_ == "authorization") {
    statement_.add(role);
  } else if (one_of(word_, {"last_insert_id", "identity"})) {
    statement_.add(last_insert_id);
  } else if (word_ == "autocommit") {
    autocommit_ = true;
  }
}

// KILL [HARD | SOFT] [CONNECTION | QUERY] number
void MysqlClassifier::kill_token(const Token& token) {
  if (token.kind == TokenKind::word) {
    if (word_ == "query") {
      statement_.kill_query = true;
    } else if (!one_of(word_, {"hard", "soft", "connection"})) {
      head_ = Head::other;  // KILL USER, KILL QUERY ID
    }
    return;
  }
  std::uint64_t id = 0;
  const char* end = token.text.data() + token.text.size();
  auto [rest, error] = std::from_chars(token.text.data(), end, id);
  if (token.kind == TokenKind::number && error == std::errc{} && rest == end) {
    statement_.kill = id;
  }
  head_ = Head::other;
}

MysqlStatement classify_mysql(std::string_view text, MysqlSyntax syntax) {
  if (plain_mysql(text) == Plain::nothing) {
    return {};
  }
  MysqlClassifier classifier(syntax);
  classifier.feed(as_bytes(text));
  classifier.finish();
  return classifier.statement();
}

}  // namespace sluice::protocol::sql
