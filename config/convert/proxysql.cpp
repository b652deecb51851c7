#include "config/convert/proxysql.hpp"

#include <algorithm>

#include "config/convert/convert.hpp"

namespace sluice::config::convert {
namespace proxysql {

std::vector<SourceMap> rows_of(const LibconfigNode& root, const std::string& table, Draft& draft) {
  std::vector<SourceMap> out;
  const LibconfigNode* node = root.find(table);
  if (node == nullptr) {
    return out;
  }
  for (const LibconfigNode& row : node->members) {
    if (row.kind != LibconfigNode::Kind::group) {
      draft.lost(table + ", line " + std::to_string(row.line), "not a row between { and }");
      continue;
    }
    SourceMap& one = out.emplace_back();
    one.line = row.line;
    for (const LibconfigNode& value : row.members) {
      if (value.kind == LibconfigNode::Kind::scalar) {
        one.put(value.name, value.text, value.line);
      } else {
        draft.lost(table + "." + value.name, "not one value");
      }
    }
  }
  return out;
}

long long number(SourceMap& from, std::string_view key, long long otherwise, Draft& draft) {
  const std::string* value = from.take(key);
  if (value == nullptr) {
    return otherwise;
  }
  const auto number = whole_number(*value);
  if (!number) {
    draft.lost(std::string(key), "not a whole number");
  }
  return number.value_or(otherwise);
}

bool is_on(std::string_view text) {
  return text == "1" || text == "true" || text == "TRUE" || text == "True";
}

void lose_rest(const SourceMap& from, const std::string& what, std::vector<std::string>& notes) {
  for (const SourceValue& left : from.values) {
    if (!left.taken) {
      Draft::lost(notes, what + "." + left.key, "");
    }
  }
}

void add_listeners(Side& side, Draft& draft) {
  const std::string* interfaces = side.variables.take("interfaces");
  const std::string standard = side.prefix == "mysql" ? "0.0.0.0:6033" : "0.0.0.0:6133";
  const auto addresses = split_list(interfaces == nullptr ? standard : *interfaces, ';');
  for (const std::string& address : addresses) {
    Part listener;
    listener.name = make_name(side.prefix == "mysql" ? "my" : "pg", draft.listeners);
    listener.options.set("protocol", side.protocol);
    listener.options.set("bind", address.front() == '/' ? "unix:" + address : address);
    draft.listeners.push_back(std::move(listener));
  }
}

void add_limits(Side& side, Draft& draft) {
  SourceMap& from = side.variables;
  if (from.take("max_connections") != nullptr) {
    draft.limits.set("max_client_connections",
                     std::to_string(std::max(1LL, number(from, "max_connections", 2048, draft))));
  }
  const auto set = [&](const char* key, const char* option, const char* bound) {
    const auto value = number(from, key, 0, draft);
    const auto most = bound == nullptr ? 0 : number(from, bound, 0, draft);
    if (value > 0 && (most == 0 || value <= most)) {
      draft.limits.set(option, duration_text(value));
    } else if (value > 0) {
      draft.lost(key, std::string(bound) + " comes first");
    }
  };
  set("max_transaction_time", "transaction_timeout", nullptr);
  set("default_query_timeout", "query_timeout", "max_transaction_time");
  set("max_transaction_idle_time", "idle_transaction_timeout", "max_transaction_time");
  set("wait_timeout", "client_idle_timeout", nullptr);
  if (const auto threads = number(from, "threads", 0, draft); threads > 0) {
    draft.top.set("workers", std::to_string(std::min(threads, 1024LL)));
  }
}

}  // namespace proxysql

namespace {

using proxysql::Side;

Side read_side(const LibconfigNode& root, const std::string& prefix, Draft& draft) {
  Side side;
  side.prefix = prefix;
  side.protocol = prefix == "mysql" ? "mysql" : "postgresql";
  const LibconfigNode* variables = root.find(prefix + "_variables");
  if (variables == nullptr) {
    return side;
  }
  for (const LibconfigNode& value : variables->members) {
    if (value.kind == LibconfigNode::Kind::scalar) {
      side.variables.put(value.name, value.text, value.line);
    } else {
      draft.lost(prefix + "_variables." + value.name, "not one value");
    }
  }
  return side;
}

bool is_known(const std::string& name) {
  for (const char* prefix : {"mysql", "pgsql"}) {
    for (const char* table : {"_variables", "_servers", "_users", "_query_rules"}) {
      if (name == std::string(prefix) + table) {
        return true;
      }
    }
  }
  return false;
}

void add_rest(const LibconfigNode& root, Draft& draft) {
  for (const LibconfigNode& node : root.members) {
    if (node.name == "admin_variables") {
      draft.lost(node.name, "see `admin` and users' `admin: true`");
    } else if (node.name == "datadir") {
      draft.lost(node.name, "the file is the only truth");
    } else if (!is_known(node.name)) {
      draft.lost(node.name, "");
    }
  }
}

}  // namespace

Converted from_proxysql(std::string_view text) {
  const Libconfig source = read_libconfig(text);
  if (!source.error.text.empty()) {
    return {{}, source.error.text, source.error.line};
  }
  Draft draft;
  draft.introduction = {
      "Made from ProxySQL's configuration; `sluice check -c FILE` looks it over."};
  for (const char* prefix : {"mysql", "pgsql"}) {
    Side side = read_side(source.root, prefix, draft);
    proxysql::add_servers(side, source.root, draft);
    if (side.pools.empty()) {
      proxysql::lose_rest(side.variables, side.prefix + "_variables", draft.notes);
      continue;
    }
    proxysql::add_listeners(side, draft);
    proxysql::add_limits(side, draft);
    proxysql::add_users(side, source.root, draft);
    proxysql::add_rules(side, source.root, draft);
    proxysql::lose_rest(side.variables, side.prefix + "_variables", draft.notes);
  }
  if (draft.pools.empty()) {
    return {{}, "neither mysql_servers nor pgsql_servers has a server", 0};
  }
  add_rest(source.root, draft);
  return {print(draft), {}, 0};
}

}  // namespace sluice::config::convert
