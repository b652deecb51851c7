#include <algorithm>

#include "config/convert/pgbouncer.hpp"

namespace sluice::config::convert::pgbouncer {
namespace {

// What every pool starts with: PgBouncer's defaults, where they are not ours.
struct Defaults {
  std::string mode;
  long long size = 0;
  long long min_size = 0;
  long long reserve = 0;
  long long reserve_delay = 0;  // ms
  long long wait = 0;           // ms
  long long connect = 0;        // ms
  long long max_database = 0;
  long long max_user = 0;
  bool always_reset = false;
  bool never_reset = false;
  Part common;  // the options that no database changes
};

constexpr long long kDay = 86400000;  // ms

void read_ages(Settings& settings, Defaults& out, Draft& draft) {
  if (const auto age = settings.milliseconds("server_lifetime", 3600000, draft); age > 0) {
    out.common.options.set("pool_recycle", duration_text(age));
  } else {
    draft.lost("server_lifetime 0", "a connection is not closed after one use");
  }
  out.common.options.set(
      "idle_timeout", duration_text(settings.milliseconds("server_idle_timeout", 600000, draft)));
  const auto check = settings.milliseconds("server_check_delay", 30000, draft);
  out.common.options.set("pool_pre_ping", "true");
  out.common.options.set("pool_pre_ping_idle", duration_text(check));
  if (settings.text("server_round_robin", "0") == "1") {
    out.common.options.set("pool_use_lifo", "false");
  }
  if (settings.given("max_prepared_statements")) {
    const auto most = settings.number("max_prepared_statements", 200, draft);
    if (most > 0) {
      out.common.options.set("max_prepared_statements", std::to_string(most));
    } else {
      draft.lost("max_prepared_statements 0", "prepared statements follow their client always");
    }
  }
}

void read_server_tls(Settings& settings, Defaults& out, Draft& draft) {
  std::string mode = settings.text("server_tls_sslmode", "prefer");
  if (mode == "allow") {
    mode = "prefer";
    draft.lost("server_tls_sslmode allow", "prefer takes TLS where the server has it");
  }
  out.common.options.set("tls.mode", mode);
  for (const char* file : {"ca_file", "cert_file", "key_file"}) {
    if (const std::string path = settings.text(std::string("server_tls_") + file); !path.empty()) {
      out.common.options.set(std::string("tls.") + file, path);
    }
  }
}

Defaults read_defaults(Settings& settings, Draft& draft) {
  Defaults out;
  out.mode = settings.text("pool_mode", "session");
  out.size = settings.number("default_pool_size", 20, draft);
  out.min_size = settings.number("min_pool_size", 0, draft);
  out.reserve = settings.number("reserve_pool_size", 0, draft);
  out.reserve_delay = settings.milliseconds("reserve_pool_timeout", 5000, draft);
  out.wait = settings.milliseconds("query_wait_timeout", 120000, draft);
  out.connect = settings.milliseconds("server_connect_timeout", 15000, draft);
  out.max_database = settings.number("max_db_connections", 0, draft);
  out.max_user = settings.number("max_user_connections", 0, draft);
  out.always_reset = settings.text("server_reset_query_always", "0") == "1";
  out.never_reset =
      settings.given("server_reset_query") && settings.text("server_reset_query").empty();
  if (out.wait == 0) {
    draft.lost("query_wait_timeout 0", "clients wait for a day at most");
    out.wait = kDay;
  }
  if (out.connect == 0) {
    draft.lost("server_connect_timeout 0", "a connection that takes a minute has failed");
    out.connect = 60000;
  }
  read_ages(settings, out, draft);
  read_server_tls(settings, out, draft);
  return out;
}

// Of one database: its own value, which is taken, or the one of all.
long long number_of(SourceMap& database, std::string_view key, long long otherwise, Part& pool) {
  const std::string* given = database.take(key);
  const auto value = given == nullptr ? otherwise : whole_number(*given);
  if (!value) {
    Draft::lost(pool.notes, std::string(key), "not a whole number");
  }
  return value.value_or(otherwise);
}

std::string url_of(SourceMap& database, const std::string& name) {
  const bool any = name == "*";
  const std::string host = database.take_or("host", "");
  const std::string port = database.take_or("port", "5432");
  const std::string user = database.take_or("user", "");
  const std::string target = database.take_or("dbname", any ? "" : name);
  std::string hosts;
  if (!is_local(host)) {
    for (const std::string& one : split_list(host)) {
      hosts.append(hosts.empty() ? "" : ",").append(host_in_url(one)).append(":").append(port);
    }
  }
  std::string url = "postgresql://" + (user.empty() ? "" : percent_encoded(user) + "@") + hosts +
                    "/" + percent_encoded(target);
  if (is_local(host)) {
    url += "?host=" + percent_encoded(host.empty() ? "/var/run/postgresql" : host) +
           (port == "5432" ? "" : "&port=" + port);
  }
  return url;
}

void add_sizes(SourceMap& database, const Defaults& d, bool has_user, bool any, Part& pool) {
  auto size = std::max(1LL, number_of(database, "pool_size", d.size, pool));
  auto reserve = number_of(database, "reserve_pool", d.reserve, pool);
  reserve = number_of(database, "reserve_pool_size", reserve, pool);
  const auto most = number_of(database, "max_db_connections", d.max_database, pool);
  const auto most_of_user = number_of(database, "max_user_connections", d.max_user, pool);
  if (most > 0 && has_user) {
    size = std::min(size, most);
    reserve = std::min(reserve, most - size);
    pool.notes.emplace_back(
        "max_db_connections: pool_size and max_overflow are the bound of one user");
  }
  auto& out = pool.options;
  out.set("pool_size", std::to_string(size));
  if (reserve > 0 && d.reserve_delay > 0) {
    out.set("max_overflow", std::to_string(reserve));
    if (d.reserve_delay < d.wait) {
      out.set("overflow_delay", duration_text(d.reserve_delay));
    } else {
      Draft::lost(pool.notes, "reserve_pool_timeout", "nobody waits so long");
    }
  }
  auto kept = std::min(number_of(database, "min_pool_size", d.min_size, pool), size);
  kept = most > 0 ? std::min(kept, most) : kept;
  kept = any && most_of_user > 0 ? std::min(kept, most_of_user) : kept;
  if (kept > 0) {
    out.set("min_idle", std::to_string(kept));
  }
  if (most > 0 && !has_user) {
    out.set("max_db_connections", std::to_string(most));
  }
  if (most_of_user > 0 && any) {
    out.set("max_user_connections", std::to_string(most_of_user));
  } else if (most_of_user > 0) {
    Draft::lost(pool.notes, "max_user_connections " + std::to_string(most_of_user),
                "one user and database have pool_size and max_overflow at most");
  }
}

void add_session(SourceMap& database, const Defaults& d, Part& pool) {
  auto& out = pool.options;
  const std::string mode = database.take_or("pool_mode", d.mode);
  out.set("pool_mode", mode);
  // In session mode a connection is made clean for its next client, unless that is turned off.
  if (d.always_reset || (mode == "session" && !d.never_reset)) {
    out.set("pool_reset_on_return", "full");
  }
  out.set("pool_timeout", duration_text(d.wait));
  if (const std::string* sql = database.take("connect_query"); sql != nullptr && !sql->empty()) {
    out.set("init_sql", *sql);
  }
  std::string options;
  for (const auto& [key, setting] :
       {std::pair("datestyle", "datestyle"), {"timezone", "timezone"}}) {
    if (const std::string* value = database.take(key)) {
      options += (options.empty() ? "-c " : " -c ") + std::string(setting) + "=" + *value;
    }
  }
  for (const char* key : {"client_encoding", "application_name"}) {
    if (const std::string* value = database.take(key); value != nullptr && !value->empty()) {
      out.set(std::string("connect_args.") + key, *value);
    }
  }
  if (!options.empty()) {
    out.set("connect_args.options", options);
  }
  out.set("connect_args.connect_timeout", duration_text(std::min(d.connect, d.wait)));
}

SourceError add_database(const SourceValue& entry, const Defaults& d, Draft& draft) {
  SourceMap database;
  database.line = entry.line;
  if (auto error = read_connect_string(entry.value, database); !error.text.empty()) {
    return error;
  }
  const bool any = entry.key == "*";
  Part pool;
  pool.name = make_name(any ? "any" : entry.key, draft.pools);
  const bool has_user = !database.take_or("user", "").empty();
  const std::string host = database.take_or("host", "");
  const std::string target = database.take_or("dbname", any ? "" : entry.key);
  pool.options.set("url", url_of(database, entry.key));
  const std::string* password = database.take("password");
  if (password != nullptr && has_user && !password->empty()) {
    pool.options.set("password", *password);
  } else if (password != nullptr && !password->empty()) {
    Draft::lost(pool.notes, "password", "there is no user that it belongs to");
  } else if (has_user) {
    pool.notes.emplace_back("the user of the url may need a `password` or `password_file`");
  }
  add_session(database, d, pool);
  add_sizes(database, d, has_user, target.empty(), pool);
  for (const auto& [path, value] : d.common.options.all()) {
    if (!path.starts_with("tls.") || !is_local(host)) {
      pool.options.set(path, value);
    }
  }
  for (const SourceValue& left : database.values) {
    if (!left.taken) {
      Draft::lost(pool.notes, left.key,
                  left.key == "load_balance_hosts" ? "hosts are tried in order" : "");
    }
  }
  Part route;
  route.name = pool.name;
  if (!any) {
    route.options.set("match.database", as_pattern(entry.key));
  }
  route.options.set("pool", pool.name);
  draft.pools.push_back(std::move(pool));
  draft.routes.push_back(std::move(route));
  return {};
}

}  // namespace

SourceError add_pools(Ini& ini, Settings& settings, Draft& draft) {
  SourceMap* databases = ini.find("databases");
  if (databases == nullptr || databases->values.empty()) {
    return {"[databases] has no database", databases == nullptr ? 0 : databases->line};
  }
  const Defaults defaults = read_defaults(settings, draft);
  // The fallback matches all: it comes last.
  std::stable_partition(databases->values.begin(), databases->values.end(),
                        [](const SourceValue& one) { return one.key != "*"; });
  for (SourceValue& entry : databases->values) {
    entry.taken = true;
    if (auto error = add_database(entry, defaults, draft); !error.text.empty()) {
      return error;
    }
  }
  return {};
}

}  // namespace sluice::config::convert::pgbouncer
