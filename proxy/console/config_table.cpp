// SHOW CONFIG: a few settings under PgBouncer's names, for exporters, then every option in force
// under the path that it has in the file: pools.pets.pool_size.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/console/topics.hpp"
#include "proxy/console/views.hpp"

namespace sluice::proxy::console {
namespace {

using protocol::Table;

// What only a restart changes, with what is within; see config::keep_until_restart().
constexpr std::array<std::string_view, 6> kFixed{
    "workers", "io", "admin.http", "admin.socket", "admin.tls.mode", "admin.dashboard"};

bool is_fixed(std::string_view path) {
  return std::any_of(kFixed.begin(), kFixed.end(), [path](std::string_view fixed) {
    return path.starts_with(fixed) && (path.size() == fixed.size() || path[fixed.size()] == '.');
  });
}

// Reads what config::describe() writes: one option a line, nested by two blanks, entries of lists
// with a dash.
class Flattened {
 public:
  explicit Flattened(Table& table) : table_(table) {}

  void take(std::string_view line) {
    const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
    line.remove_prefix(indent);
    std::size_t depth = indent / 2;
    if (line.starts_with("- ")) {
      line.remove_prefix(2);
      begin_entry(depth, line);
      ++depth;
    }
    const std::size_t colon = line.find(": ");
    const bool nests = colon == std::string_view::npos;
    const std::string_view key = nests ? line.substr(0, line.size() - 1) : line.substr(0, colon);
    if (line.empty() || (nests && line.back() != ':')) {
      return;
    }
    go_to(depth);
    if (nests) {
      path_.emplace_back(key);
    } else {
      add(key, line.substr(colon + 2));
    }
  }

 private:
  // An entry is called by its name, or by its place where it has none.
  void begin_entry(std::size_t depth, std::string_view line) {
    go_to(depth);
    counts_.resize(depth + 1);
    const std::size_t place = counts_[depth]++;
    constexpr std::string_view kName = "name: ";
    path_.push_back(line.starts_with(kName) ? std::string(line.substr(kName.size()))
                                            : std::to_string(place));
  }

  void go_to(std::size_t depth) {
    path_.resize(std::min(depth, path_.size()));
    counts_.resize(std::min(depth + 1, counts_.size()));
  }

  void add(std::string_view key, std::string_view value) {
    std::string name;
    for (const std::string& part : path_) {
      name += part + '.';
    }
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    name.append(key);
    std::string changeable(is_fixed(name) ? "no" : "yes");
    table_.rows.push_back(
        {std::move(name), std::string(value), protocol::Value(), std::move(changeable)});
  }

  Table& table_;
  std::vector<std::string> path_;
  std::vector<std::size_t> counts_;  // entries seen, by depth
};

void add_known(Table& table, const config::Config& config) {
  const config::Limits& limits = config.limits;
  const auto whole_seconds = [](std::chrono::milliseconds time) {
    return std::to_string(time.count() / 1000);
  };
  const std::pair<const char*, std::string> known[] = {
      {"client_idle_timeout", whole_seconds(limits.client_idle_timeout)},
      {"client_login_timeout", whole_seconds(limits.client_login_timeout)},
      {"idle_transaction_timeout", whole_seconds(limits.idle_transaction_timeout)},
      {"max_client_conn", std::to_string(limits.max_client_connections)},
      {"max_db_connections", "0"},
      {"max_user_connections", "0"},
      {"query_timeout", whole_seconds(limits.query_timeout)},
      {"transaction_timeout", whole_seconds(limits.transaction_timeout)}};
  for (const auto& [key, value] : known) {
    table.rows.push_back({std::string(key), value, protocol::Value(), std::string("yes")});
  }
}

}  // namespace

Table show_config(op::Operator& house) {
  Table table = protocol::make_table("key value default changeable");
  add_known(table, *house.config());
  const std::string text = house.effective_config();
  Flattened options(table);
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    options.take(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return table;
}

}  // namespace sluice::proxy::console
