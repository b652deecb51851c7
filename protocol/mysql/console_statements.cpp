// What clients and drivers say by themselves, and the variables that they ask for. The console has
// no transactions: BEGIN and COMMIT are accepted and mean nothing.

#include <algorithm>
#include <array>
#include <charconv>

#include "protocol/console_select.hpp"
#include "protocol/mysql/console.hpp"

namespace sluice::protocol::mysql {
namespace {

const sql::ScannerOptions kSyntax{.mysql = true, .backslash_escapes = true};
constexpr std::size_t kFewWords = 8;

// What may be set to anything, and means nothing to the console.
constexpr std::array<std::string_view, 24> kIgnored{"autocommit",
                                                    "character",
                                                    "character_set_client",
                                                    "character_set_connection",
                                                    "character_set_results",
                                                    "charset",
                                                    "collation_connection",
                                                    "foreign_key_checks",
                                                    "global",
                                                    "interactive_timeout",
                                                    "local",
                                                    "max_join_size",
                                                    "names",
                                                    "net_read_timeout",
                                                    "net_write_timeout",
                                                    "session",
                                                    "sql_mode",
                                                    "sql_safe_updates",
                                                    "sql_select_limit",
                                                    "time_zone",
                                                    "transaction",
                                                    "tx_isolation",
                                                    "unique_checks",
                                                    "wait_timeout"};

struct VariableRow {
  std::string_view name;
  std::string_view text;
  std::int64_t number = -1;  // not negative: that is its value
};

// What drivers ask for when they connect.
constexpr VariableRow kVariables[] = {{"auto_increment_increment", "", 1},
                                      {"autocommit", "", 1},
                                      {"character_set_client", "utf8mb4"},
                                      {"character_set_connection", "utf8mb4"},
                                      {"character_set_database", "utf8mb4"},
                                      {"character_set_results", "utf8mb4"},
                                      {"character_set_server", "utf8mb4"},
                                      {"collation_connection", "utf8mb4_general_ci"},
                                      {"collation_database", "utf8mb4_general_ci"},
                                      {"collation_server", "utf8mb4_general_ci"},
                                      {"init_connect", ""},
                                      {"interactive_timeout", "", 28800},
                                      {"license", ""},
                                      {"lower_case_table_names", "", 0},
                                      {"max_allowed_packet", "", kMaxConsoleMessage},
                                      {"net_buffer_length", "", 16384},
                                      {"net_write_timeout", "", 60},
                                      {"performance_schema", "", 0},
                                      {"query_cache_size", "", 0},
                                      {"query_cache_type", "OFF"},
                                      {"read_only", "", 0},
                                      {"sql_mode", ""},
                                      {"system_time_zone", "UTC"},
                                      {"time_zone", "SYSTEM"},
                                      {"transaction_isolation", "REPEATABLE-READ"},
                                      {"transaction_read_only", "", 0},
                                      {"tx_isolation", "REPEATABLE-READ"},
                                      {"tx_read_only", "", 0},
                                      {"version_comment", "console of sluice"},
                                      {"wait_timeout", "", 28800}};

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::optional<std::uint64_t> number_of(const std::string& word) {
  std::uint64_t number = 0;
  const char* end = word.data() + word.size();
  const auto read = std::from_chars(word.data(), end, number);
  return read.ec == std::errc() && read.ptr == end ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<Value> MysqlConsole::variable(std::string_view name) const {
  if (is_one_of(name, {"version()", "@@version"})) {
    return Value(identity_.server_version);
  }
  if (is_one_of(name, {"user()", "current_user()", "current_user", "session_user()"})) {
    return Value(user_ + "@client");
  }
  if (is_one_of(name, {"database()", "schema()"})) {
    return Value(database_);
  }
  if (is_one_of(name, {"connection_id()", "@@pseudo_thread_id"})) {
    return Value(std::int64_t{identity_.connection_id});
  }
  if (!name.starts_with("@@")) {
    return std::nullopt;
  }
  const std::string_view bare = name.substr(2);
  const auto* row = std::find_if(std::begin(kVariables), std::end(kVariables),
                                 [bare](const VariableRow& one) { return one.name == bare; });
  if (row == std::end(kVariables)) {
    return std::nullopt;
  }
  return row->number >= 0 ? Value(row->number) : Value(std::string(row->text));
}

// As SHOW VARIABLES [LIKE '...'], where the pattern is a name.
Table MysqlConsole::variables(std::string_view like) const {
  Table table = make_table("Variable_name Value");
  for (const VariableRow& row : kVariables) {
    if (like.empty() || like == "%" || like == row.name) {
      table.rows.push_back({std::string(row.name),
                            row.number >= 0 ? std::to_string(row.number) : std::string(row.text)});
    }
  }
  return table;
}

std::optional<Table> MysqlConsole::own_table(const std::string& text,
                                             const std::vector<std::string>& words) const {
  const std::string& verb = words[0];
  const std::string second = words.size() > 1 ? words[1] : "";
  if (verb == "set") {
    const auto is_in = [](const auto& all, std::string_view word) {
      return std::find(all.begin(), all.end(), word) != all.end();
    };
    // The console's own setting is never passed over, in whatever scope it is asked for.
    const bool known = (second == "@" || is_in(kIgnored, second)) && !is_in(words, "log_level");
    return known ? std::optional(Table{}) : std::nullopt;
  }
  if (is_one_of(verb, {"begin", "start", "commit", "rollback"})) {
    return Table{};
  }
  if (verb == "show" && is_one_of(second, {"warnings", "errors"})) {
    return make_table("Level Code:i Message");
  }
  if (verb == "show" && is_one_of(second, {"tables", "full"})) {
    return make_table("Tables_in_" + database_);
  }
  const bool scoped = is_one_of(second, {"session", "global"}) && words.size() > 2;
  if (verb == "show" && (second == "variables" || (scoped && words[2] == "variables"))) {
    const bool like = words.size() > 3 && words[words.size() - 2] == "like";
    return variables(like ? std::string_view(words.back()) : std::string_view());
  }
  return answer_select(text, kSyntax, [this](std::string_view name) { return variable(name); });
}

std::optional<ConsoleConversation::Step> MysqlConsole::own_answer(const std::string& text,
                                                                  Exchange& out) {
  const std::vector<std::string> words = lower_words(text, kSyntax, kFewWords);
  if (words.empty()) {
    return std::nullopt;
  }
  if (words[0] == "use" && words.size() == 2) {
    use(words[1], out);
    return Step();
  }
  // KILL [CONNECTION | QUERY] number is the protocol's; KILL and a name is a pool.
  const bool scoped = words.size() == 3 && is_one_of(words[1], {"query", "connection"});
  if (words[0] == "kill" && (scoped || words.size() == 2)) {
    if (const auto id = number_of(words.back())) {
      return kill(*id, words[1] == "query", out);
    }
  }
  if (auto table = own_table(text, words)) {
    answered(std::move(*table), out);
    return Step();
  }
  return std::nullopt;
}

}  // namespace sluice::protocol::mysql
