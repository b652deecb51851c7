// What drivers say by themselves, and the settings that they ask for. The console has no
// transactions: BEGIN and COMMIT are accepted, and change nothing but the status that is reported.

#include <algorithm>
#include <array>

#include "protocol/console_select.hpp"
#include "protocol/postgresql/console.hpp"

namespace sluice::protocol::postgresql {
namespace {

constexpr std::size_t kFewWords = 6;

// Settings of a client that mean nothing to the console, and may be set to anything.
constexpr std::array<std::string_view, 21> kIgnored{"application_name",
                                                    "bytea_output",
                                                    "characteristics",
                                                    "client_encoding",
                                                    "client_min_messages",
                                                    "datestyle",
                                                    "default_transaction_isolation",
                                                    "default_transaction_read_only",
                                                    "extra_float_digits",
                                                    "idle_in_transaction_session_timeout",
                                                    "intervalstyle",
                                                    "jit",
                                                    "lock_timeout",
                                                    "names",
                                                    "search_path",
                                                    "session",
                                                    "standard_conforming_strings",
                                                    "statement_timeout",
                                                    "time",
                                                    "timezone",
                                                    "transaction"};

Table tagged(std::string_view tag) {
  Table table;
  table.tag = tag;
  return table;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string upper(std::string_view word) {
  std::string out(word);
  for (char& c : out) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return out;
}

Table one_value(std::string_view name, std::string value) {
  Table table;
  table.columns.push_back({std::string(name), ColumnType::text});
  table.rows.push_back({std::move(value)});
  return table;
}

}  // namespace

std::optional<Table> PostgresqlConsole::setting(const std::string& name) const {
  std::string key = name;
  std::transform(key.begin(), key.end(), key.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const std::pair<std::string_view, std::string_view> known[] = {
      {"server_version", identity_.version},
      {"client_encoding", "UTF8"},
      {"server_encoding", "UTF8"},
      {"datestyle", "ISO, MDY"},
      {"intervalstyle", "postgres"},
      {"timezone", "UTC"},
      {"standard_conforming_strings", "on"},
      {"integer_datetimes", "on"},
      {"application_name", application_name_},
      {"session_authorization", user_},
      {"is_superuser", "off"},
      {"search_path", ""},
      {"transaction_isolation", "read committed"},
      {"transaction_read_only", "off"},
      {"default_transaction_read_only", "off"},
      {"in_hot_standby", "off"}};
  const auto* found = std::find_if(std::begin(known), std::end(known),
                                   [&](const auto& one) { return one.first == key; });
  return found == std::end(known) ? std::nullopt
                                  : std::optional(one_value(name, std::string(found->second)));
}

void PostgresqlConsole::forget(const std::vector<std::string>& words) {
  const std::string name = words.size() > 1 && words[1] != "prepare" ? words[1] : words.back();
  if (words[0] == "discard" || name == "all") {
    prepared_.clear();
  } else {
    prepared_.erase(name);
  }
}

// `runs`: it is not only described.
std::optional<Table> PostgresqlConsole::own_answer(const std::string& text, bool runs) {
  const std::vector<std::string> words = lower_words(text, {}, kFewWords);
  if (words.empty()) {
    return std::nullopt;
  }
  const std::string& verb = words[0];
  const std::string second = words.size() > 1 ? words[1] : "";
  if (is_one_of(verb, {"begin", "start"})) {
    in_block_ = in_block_ || runs;
    return tagged(verb == "start" ? "START TRANSACTION" : "BEGIN");
  }
  if (is_one_of(verb, {"commit", "end", "rollback", "abort"}) && second != "to") {
    in_block_ = in_block_ && !runs;
    return tagged(is_one_of(verb, {"commit", "end"}) ? "COMMIT" : "ROLLBACK");
  }
  if (is_one_of(verb, {"rollback", "savepoint", "release", "reset", "discard", "unlisten",
                       "deallocate"})) {
    if (runs && is_one_of(verb, {"discard", "deallocate"})) {
      forget(words);
    }
    return tagged(upper(verb));
  }
  if (verb == "set") {
    const bool scoped = is_one_of(second, {"local", "session"}) && words.size() > 2;
    const std::string& name = scoped ? words[2] : second;
    const bool known = std::find(kIgnored.begin(), kIgnored.end(), name) != kIgnored.end();
    return known ? std::optional(tagged("SET")) : std::nullopt;
  }
  if (verb == "show") {
    const bool isolation = second == "transaction" && words.size() == 4 && words[2] == "isolation";
    return words.size() == 2 || isolation ? setting(isolation ? "transaction_isolation" : second)
                                          : std::nullopt;
  }
  return answer_select(text, {}, [this](std::string_view name) -> std::optional<Value> {
    if (name == "version()") {
      return Value("PostgreSQL protocol of " + identity_.version);
    }
    if (is_one_of(name, {"current_user", "session_user", "user"})) {
      return Value(user_);
    }
    if (is_one_of(name, {"current_database()", "current_catalog"})) {
      return Value(database_);
    }
    if (name == "pg_backend_pid()") {
      return Value(std::int64_t{identity_.connection_id});
    }
    if (name == "pg_is_in_recovery()") {
      return Value(false);
    }
    return std::nullopt;
  });
}

}  // namespace sluice::protocol::postgresql
