#include <algorithm>

#include "config/convert/proxysql.hpp"
#include "config/kinds.hpp"
#include "config/middleware_kinds.hpp"
#include "config/secret.hpp"
#include "config/yaml_text.hpp"

namespace sluice::config::convert::proxysql {
namespace {

struct Hostgroup {
  std::string hosts;  // of a url
  std::size_t servers = 0;
  long long size = 0;  // of the first server
  bool tls = false;
  std::vector<std::string> notes;
};

std::string group_text(long long group) {
  return "hg" + std::to_string(group);
}

// The first of `keys` that is given.
std::string first_of(SourceMap& row, std::initializer_list<const char*> keys) {
  std::string out;
  for (const char* key : keys) {
    const std::string value = row.take_or(key, "");
    out = out.empty() ? value : out;
  }
  return out;
}

void add_server(SourceMap& row, Side& side, std::map<long long, Hostgroup>& groups, Draft& draft) {
  const std::string host = first_of(row, {"hostname", "address"});
  const std::string table = side.prefix + "_servers, line " + std::to_string(row.line);
  const auto group_number = whole_number(first_of(row, {"hostgroup_id", "hostgroup"})).value_or(0);
  Hostgroup& group = groups[group_number];
  const auto port = number(row, "port", side.prefix == "mysql" ? 3306 : 5432, draft);
  const std::string status = row.take_or("status", "ONLINE");
  row.take("comment");
  if (host.empty() || (status != "ONLINE" && status != "online")) {
    Draft::lost(group.notes, table,
                host.empty() ? "it has no hostname" : "its status is " + status);
    return;
  }
  const auto size = number(row, "max_connections", 0, draft);
  group.size = group.servers == 0 ? size : group.size;
  group.tls = group.tls || is_on(row.take_or("use_ssl", "0"));
  if (host.front() == '/') {
    Draft::lost(group.notes, table, "a unix socket stands in the url as ?unix_socket=");
    return;
  }
  group.hosts.append(group.hosts.empty() ? "" : ",").append(host_in_url(host));
  group.hosts.append(":").append(std::to_string(port));
  if (++group.servers == 2) {
    Draft::lost(group.notes, "weights", "hosts of a pool are tried in their order");
  }
  row.take("weight");
  lose_rest(row, side.prefix + "_servers", group.notes);
}

void set_common(Side& side, Part& pool, Draft& draft) {
  SourceMap& from = side.variables;
  const auto set = [&](const char* key, const char* option) {
    if (const auto value = number(from, key, 0, draft); value > 0) {
      pool.options.set(option, duration_text(value));
    }
  };
  if (const std::string* multiplexing = from.take("multiplexing");
      multiplexing != nullptr && !is_on(*multiplexing)) {
    pool.options.set("pool_mode", "session");
  }
  pool.options.set("pool_pre_ping", "true");
  set("connect_timeout_server_max", "pool_timeout");
  set("ping_interval_server_msec", "keepalive_time");
  set("connection_max_age_ms", "pool_recycle");
  set("connect_timeout_server", "connect_args.connect_timeout");
}

void set_tls(Side& side, Part& pool) {
  pool.options.set("tls.mode", "require");
  for (const char* file : {"ca", "cert", "key"}) {
    const std::string path = side.variables.take_or(std::string("ssl_p2s_") + file, "");
    if (!path.empty()) {
      pool.options.set(std::string("tls.") + file + "_file", path);
    }
  }
}

void set_secret(const std::string& secret, Part& user) {
  if (check_secret(SecretForm::mysql_native, secret).empty()) {
    user.options.set("mysql_native_hash", secret);
  } else if (check_secret(SecretForm::caching_sha2, secret).empty()) {
    user.options.set("caching_sha2_hash", secret);
  } else if (check_secret(SecretForm::scram, secret).empty()) {
    user.options.set("scram_verifier", secret);
  } else {
    user.options.set("password", secret);
  }
}

void add_user(SourceMap& row, Side& side, Draft& draft) {
  const std::string name = row.take_or("username", "");
  const std::string table = side.prefix + "_users, line " + std::to_string(row.line);
  const std::string secret = row.take_or("password", "");
  const auto group = whole_number(row.take_or("default_hostgroup", "0")).value_or(0);
  const bool active = is_on(row.take_or("active", "1"));
  const bool known = std::any_of(draft.users.begin(), draft.users.end(),
                                 [&](const Part& one) { return one.name == name; });
  row.take("comment");
  if (name.empty() || secret.empty() || !active || known) {
    draft.lost(table, name.empty()     ? "it has no username"
                      : secret.empty() ? "it has no password"
                      : known ? "the user is there already, as another form of secret may be"
                              : "it is not active");
    return;
  }
  Part user;
  user.name = name;
  set_secret(secret, user);
  Part route;
  const auto pool = side.pools.find(group);
  // It stands in its transaction until that ends in any case.
  row.take("transaction_persistent");
  row.take("frontend");
  row.take("backend");
  if (const auto most = row.take_or("max_connections", ""); !most.empty()) {
    Draft::lost(user.notes, "max_connections " + most, "see the middleware connection_limit");
  }
  if (const auto schema = row.take_or("default_schema", ""); !schema.empty()) {
    Draft::lost(user.notes, "default_schema",
                "clients name their database, or the pool's url does");
  }
  lose_rest(row, side.prefix + "_users", user.notes);
  if (pool == side.pools.end()) {
    Draft::lost(user.notes, "default_hostgroup " + std::to_string(group), "it has no servers");
  } else {
    route.name = make_name(side.prefix + "_" + name, draft.routes);
    route.options.set("match.protocol", side.protocol);
    route.options.set("match.user", as_pattern(name));
    route.options.set("pool", pool->second);
    draft.routes.push_back(std::move(route));
  }
  draft.users.push_back(std::move(user));
}

// Empty: it can be a rule of ours; else why not.
std::string why_not(SourceMap& row, const std::string& pattern) {
  for (const char* key :
       {"replace_pattern", "schemaname", "client_addr", "proxy_addr", "proxy_port", "digest",
        "flagIN", "flagOUT", "mirror_hostgroup", "negate_match_pattern"}) {
    const std::string* value = row.take(key);
    if (value != nullptr && !value->empty() && *value != "0" && *value != "NULL") {
      return std::string(key) + " has no counterpart";
    }
  }
  std::string read;
  if (pattern.empty()) {
    return "it matches everything";
  }
  if (const auto why = Regex{}.parse(pattern, read); !why.empty()) {
    return "its pattern " + why;
  }
  return {};
}

void add_rule(SourceMap& row, Side& side, Draft& draft) {
  const std::string id = row.take_or("rule_id", "line " + std::to_string(row.line));
  const std::string what = side.prefix + "_query_rules, rule " + id;
  const std::string pattern = first_of(row, {"match_digest", "match_pattern"});
  const std::string user = row.take_or("username", "");
  const std::string message = row.take_or("error_msg", "");
  const auto timeout = number(row, "timeout", 0, draft);
  const std::string* to = row.take("destination_hostgroup");
  const auto pool = side.pools.find(to == nullptr ? -1 : whole_number(*to).value_or(-1));
  std::string why = is_on(row.take_or("active", "0")) ? why_not(row, pattern) : "it is not active";
  if (why.empty() && message.empty() && timeout == 0 && pool == side.pools.end()) {
    why = "it does nothing that sluice knows, or names a hostgroup without servers";
  }
  for (const char* key : {"apply", "comment", "re_modifiers"}) {
    row.take(key);
  }
  if (!why.empty()) {
    draft.lost(what, why);
    return;
  }
  std::string rule = "- {match: " + yaml_text(unexpanded(pattern));
  if (!message.empty()) {
    rule += ", refuse: true, message: " + yaml_text(unexpanded(message));
  }
  if (timeout > 0 && message.empty()) {
    rule += ", timeout: " + duration_text(timeout);
  }
  if (pool != side.pools.end() && message.empty()) {
    rule += ", pool: " + yaml_text(pool->second);
  }
  lose_rest(row, what, draft.notes);
  for (Part& route : draft.routes) {
    const auto& all = route.options.all();
    const auto is = [&all](const char* path, const std::string& value) {
      return std::find(all.begin(), all.end(), std::pair<std::string, std::string>(path, value)) !=
             all.end();
    };
    if (is("match.protocol", side.protocol) &&
        (user.empty() || is("match.user", as_pattern(user)))) {
      if (route.chain.empty()) {
        route.chain.emplace_back("- statement_rules:");
      }
      route.chain.push_back("    " + rule + "}");
    }
  }
}

}  // namespace

void add_servers(Side& side, const LibconfigNode& root, Draft& draft) {
  std::map<long long, Hostgroup> groups;
  for (SourceMap& row : rows_of(root, side.prefix + "_servers", draft)) {
    add_server(row, side, groups, draft);
  }
  Part common;
  if (!groups.empty()) {
    set_common(side, common, draft);
  }
  for (auto& [number, group] : groups) {
    if (group.servers == 0) {
      draft.notes.insert(draft.notes.end(), group.notes.begin(), group.notes.end());
      continue;
    }
    Part pool;
    pool.name = make_name((side.prefix == "mysql" ? "" : "pg_") + group_text(number), draft.pools);
    pool.notes = std::move(group.notes);
    pool.options.set("url", side.protocol + "://" + group.hosts + "/");
    if (group.size > 0) {
      pool.options.set("pool_size", std::to_string(std::min(group.size, 100000LL)));
      pool.notes.emplace_back("pool_size is that of one user and database: see max_db_connections");
    }
    for (const auto& [path, value] : common.options.all()) {
      pool.options.set(path, value);
    }
    if (group.tls) {
      set_tls(side, pool);
    }
    side.pools[number] = pool.name;
    draft.pools.push_back(std::move(pool));
  }
}

void add_users(Side& side, const LibconfigNode& root, Draft& draft) {
  for (SourceMap& row : rows_of(root, side.prefix + "_users", draft)) {
    add_user(row, side, draft);
  }
  const bool routed = std::any_of(draft.routes.begin(), draft.routes.end(), [&](const Part& one) {
    const auto& all = one.options.all();
    return std::find(all.begin(), all.end(),
                     std::pair<std::string, std::string>("match.protocol", side.protocol)) !=
           all.end();
  });
  if (!routed) {
    Part route;
    route.name = make_name(side.prefix, draft.routes);
    route.options.set("match.protocol", side.protocol);
    route.options.set("pool", side.pools.begin()->second);
    draft.routes.push_back(std::move(route));
  }
}

void add_rules(Side& side, const LibconfigNode& root, Draft& draft) {
  auto rows = rows_of(root, side.prefix + "_query_rules", draft);
  // Rules act in the order of their numbers.
  const auto order = [](const SourceMap& row) {
    for (const SourceValue& one : row.values) {
      if (one.key == "rule_id") {
        return whole_number(one.value).value_or(0);
      }
    }
    return 0LL;
  };
  std::stable_sort(rows.begin(), rows.end(),
                   [&](const SourceMap& a, const SourceMap& b) { return order(a) < order(b); });
  for (SourceMap& row : rows) {
    add_rule(row, side, draft);
  }
}

}  // namespace sluice::config::convert::proxysql
