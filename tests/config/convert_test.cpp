#include "config/convert/convert.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/convert/ini.hpp"
#include "config/convert/libconfig.hpp"
#include "config/load.hpp"
#include "tests/config/support.hpp"

namespace sluice::config::convert {
namespace {

using testing::HasSubstr;
using testing::Not;

// userlist.txt, in every form.
constexpr auto kUsers = R"("app" "it's ""quoted"""
"old" "md500000000000000000000000000000000"
"new" "SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$m1vrgrHyQZnAtgPU9yt/lk77VpAfYqZry6sn5bMA7yQ=:IecpJsqnDH8LapIHofi1STx/B8yPvPs+/YjMC0UGbxU="
; a comment
"nobody" ""
"app" "again"
)";

Converted pgbouncer(const std::string& text) {
  return from_pgbouncer(text, [](const std::string& path, std::string& why) {
    why = "no such file";
    return path == "userlist.txt" ? std::optional<std::string>(kUsers) : std::nullopt;
  });
}

// What was made must be a configuration without an error.
std::shared_ptr<const Config> loaded(const Converted& made) {
  EXPECT_EQ(made.error, "");
  auto out = test::load(made.yaml, true);
  for (const Problem& problem : out.problems) {
    EXPECT_TRUE(problem.warning) << to_string(problem) << "\n" << made.yaml;
  }
  return out.config;
}

constexpr auto kPgbouncer = R"(
[databases]
* = host=10.0.0.1,10.0.0.2
pets = host=db port=5433 dbname=pets_live user=app password='it''s' pool_size=5 timezone=UTC
local = pool_mode=session max_db_connections=50 connect_query='SELECT 1'
odd[name] = host=db fancy=1

[pgbouncer]
listen_addr = 127.0.0.1, ::1
listen_port = 7000
unix_socket_dir = /run/pgbouncer
auth_type = scram-sha-256
auth_file = userlist.txt
pool_mode = transaction
default_pool_size = 15
reserve_pool_size = 5
reserve_pool_timeout = 2.5
min_pool_size = 3
max_client_conn = 500
query_wait_timeout = 60
server_lifetime = 1800
query_timeout = 90
transaction_timeout = 30
admin_users = app, ghost
stats_users = old
client_tls_sslmode = require
client_tls_cert_file = /c.crt
client_tls_key_file = /c.key
server_tls_sslmode = verify-full
server_tls_ca_file = /ca.crt
max_user_connections = 9
ignore_startup_parameters = extra_float_digits
so_reuseport = 1
)";

TEST(ConvertPgbouncer, carries_pools_and_routes_over) {
  const auto config = loaded(pgbouncer(kPgbouncer));
  ASSERT_NE(config, nullptr);
  ASSERT_EQ(config->pools.size(), 4U);
  const Pool* pets = config->find_pool("pets");
  ASSERT_NE(pets, nullptr);
  EXPECT_EQ(pets->database, "pets_live");
  EXPECT_EQ(pets->user, "app");
  EXPECT_EQ(pets->password, "it's");
  EXPECT_EQ(pets->addresses.front().port, 5433);
  EXPECT_EQ(pets->pool_size, 5U);
  EXPECT_EQ(pets->max_overflow, 5);
  EXPECT_EQ(pets->overflow_delay, milliseconds(2500));
  EXPECT_EQ(pets->min_idle, 3U);
  EXPECT_EQ(pets->pool_timeout, milliseconds(60000));
  EXPECT_EQ(pets->pool_recycle, milliseconds(1800000));
  EXPECT_EQ(pets->pool_mode, PoolMode::transaction);
  EXPECT_EQ(pets->tls.mode, TlsMode::verify_full);
  const Pool* local = config->find_pool("local");
  ASSERT_NE(local, nullptr);
  EXPECT_EQ(local->addresses.front().unix_path, "/var/run/postgresql/.s.PGSQL.5432");
  EXPECT_EQ(local->pool_mode, PoolMode::session);
  EXPECT_EQ(local->pool_reset_on_return, ResetOnReturn::full);
  EXPECT_EQ(local->max_db_connections, 50U);
  const Pool* any = config->find_pool("any");
  ASSERT_NE(any, nullptr);
  EXPECT_EQ(any->addresses.size(), 2U);
  EXPECT_EQ(any->max_user_connections, 9U);
  EXPECT_EQ(config->routes.front().match.database, "pets");
  EXPECT_EQ(config->routes.back().pool, "any") << "the fallback matches all";
  EXPECT_EQ(config->routes.back().match.database, "");
}

TEST(ConvertPgbouncer, carries_listeners_users_and_limits_over) {
  const auto config = loaded(pgbouncer(kPgbouncer));
  ASSERT_NE(config, nullptr);
  ASSERT_EQ(config->listeners.size(), 3U);
  EXPECT_EQ(config->listeners[0].bind.port, 7000);
  EXPECT_EQ(config->listeners[0].tls.mode, TlsMode::require);
  EXPECT_EQ(config->listeners[1].bind.host, "::1");
  EXPECT_EQ(config->listeners[2].bind.unix_path, "/run/pgbouncer/.s.PGSQL.7000");
  ASSERT_EQ(config->users.size(), 3U);
  EXPECT_EQ(config->users[0].secret.password, "it's \"quoted\"");
  EXPECT_EQ(config->users[0].admin, AdminRight::act);
  EXPECT_TRUE(config->users[1].secret.md5_hash);
  EXPECT_EQ(config->users[1].admin, AdminRight::read_only);
  EXPECT_TRUE(config->users[2].secret.scram_verifier);
  EXPECT_EQ(config->limits.max_client_connections, 500U);
  EXPECT_EQ(config->limits.transaction_timeout, milliseconds(30000));
  EXPECT_EQ(config->limits.query_timeout, milliseconds(0));
}

TEST(ConvertPgbouncer, tells_all_that_is_not_carried_over) {
  const auto made = pgbouncer(kPgbouncer);
  for (const char* what :
       {"query_timeout: transaction_timeout comes first", "ignore_startup_parameters: all",
        "so_reuseport: ", "admin_users ghost: ", "the user nobody: it has no password",
        "the second line of the user app", "fancy", "max_user_connections 9"}) {
    EXPECT_THAT(made.yaml, HasSubstr(std::string("# not carried over: ") + what));
  }
}

TEST(ConvertPgbouncer, defaults_are_those_of_pgbouncer) {
  const auto made = pgbouncer("[databases]\na = host=h\n");
  const auto config = loaded(made);
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->pools[0].pool_mode, PoolMode::session);
  EXPECT_EQ(config->pools[0].pool_timeout, milliseconds(120000));
  EXPECT_EQ(config->limits.max_client_connections, 100U);
  EXPECT_THAT(made.yaml, HasSubstr("# auth_file is not given"));
}

TEST(ConvertPgbouncer, bad_files_are_told_with_their_line) {
  const auto why = [](const std::string& text) {
    const auto made = pgbouncer(text);
    EXPECT_EQ(made.yaml, "");
    return std::to_string(made.line) + ": " + made.error;
  };
  EXPECT_EQ(why(""), "0: [databases] has no database");
  EXPECT_EQ(why("x"), "1: neither `key = value`, a section nor a comment");
  EXPECT_EQ(why("a = b"), "1: a key before the first section");
  EXPECT_EQ(why("[databases"), "1: a [ without its ]");
  EXPECT_EQ(why("[databases]\na = host='x"), "2: a ' without its end");
  EXPECT_EQ(why("[databases]\na = host"), "2: not key=value pairs");
  EXPECT_EQ(why("\n%include x"),
            "2: %include is not followed: convert a file that holds everything");
}

constexpr auto kProxysql = R"cnf(
datadir = "/var/lib/proxysql"   # a comment
admin_variables = { admin_credentials = "admin:admin" }
mysql_variables = {
  threads = 4
  max_connections = 2048
  interfaces = "0.0.0.0:6033;/tmp/proxysql.sock"
  default_query_timeout = 36000000;
  connect_timeout_server = 3000;
  monitor_username = "monitor"
}
mysql_servers = (
  { address = "w", port = 3307, hostgroup = 10, max_connections = 30, weight = 1 },
  { address = "r1", hostgroup = 20 /* readers */ }, { hostname = "r2", hostgroup_id = 20 },
  { address = "gone", hostgroup = 30, status = "OFFLINE_HARD" }
)
mysql_users: (
  { username = "app", password = "pa\"ss" " two", default_hostgroup = 10, transaction_persistent = 1 },
  { username = "hashed", password = "*9B500343BC52E2911172EB52AE5CF4847604C6E5", default_hostgroup = 20 },
  { username = "off", password = "x", active = 0 }
)
mysql_query_rules = (
  { rule_id = 3, active = 1, match_digest = "DROP", error_msg = "no", apply = 1 },
  { rule_id = 2, active = 1, match_digest = "^SELECT", destination_hostgroup = 20, apply = 1 },
  { rule_id = 1, active = 1, match_digest = "^SELECT .* FOR UPDATE", destination_hostgroup = 10 },
  { rule_id = 4, active = 1, match_pattern = "a(?=b)",
               destination_hostgroup = 20
},
  { rule_id = 5, active = 1, match_digest = "x", replace_pattern = "y" },
  { rule_id = 6, active = 1, username = "app", match_digest = "slow", timeout = 5000 }
)
proxysql_servers = ()
)cnf";

TEST(ConvertProxysql, carries_its_tables_over) {
  const auto made = from_proxysql(kProxysql);
  const auto config = loaded(made);
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->workers, 4U);
  ASSERT_EQ(config->listeners.size(), 2U);
  EXPECT_EQ(config->listeners[1].bind.unix_path, "/tmp/proxysql.sock");
  ASSERT_EQ(config->pools.size(), 2U);
  EXPECT_EQ(config->pools[0].pool_size, 30U);
  EXPECT_EQ(config->pools[0].connect_timeout, milliseconds(3000));
  EXPECT_EQ(config->pools[1].addresses.size(), 2U);
  ASSERT_EQ(config->users.size(), 2U);
  EXPECT_EQ(config->users[0].secret.password, "pa\"ss two");
  EXPECT_TRUE(config->users[1].secret.mysql_native_hash);
  ASSERT_EQ(config->routes.size(), 2U);
  const auto& rules = std::get<StatementRules>(config->routes[0].middleware.at(0).options).rules;
  ASSERT_EQ(rules.size(), 4U);
  EXPECT_EQ(rules[0].match, "^SELECT .* FOR UPDATE");
  EXPECT_EQ(rules[1].pool, "hg20");
  EXPECT_TRUE(rules[2].refuse);
  EXPECT_EQ(rules[3].timeout, milliseconds(5000));
  EXPECT_EQ(std::get<StatementRules>(config->routes[1].middleware.at(0).options).rules.size(), 3U);
}

TEST(ConvertProxysql, tells_all_that_is_not_carried_over) {
  const auto made = from_proxysql(kProxysql);
  for (const char* what :
       {"datadir", "admin_variables", "mysql_variables.monitor_username", "proxysql_servers",
        "mysql_query_rules, rule 4: its pattern", "mysql_query_rules, rule 5: replace_pattern",
        "mysql_users, line 20: it is not active", "mysql_servers, line 15: its status is"}) {
    EXPECT_THAT(made.yaml, HasSubstr(std::string("# not carried over: ") + what));
  }
  EXPECT_THAT(made.yaml, Not(HasSubstr("admin:admin")));
}

TEST(ConvertProxysql, both_of_its_protocols) {
  const auto config = loaded(
      from_proxysql("mysql_servers=({address=\"a\"})\npgsql_servers=({address=\"b\" use_ssl=1})"));
  ASSERT_NE(config, nullptr);
  ASSERT_EQ(config->pools.size(), 2U);
  EXPECT_EQ(config->pools[1].protocol, Protocol::postgresql);
  EXPECT_EQ(config->pools[1].tls.mode, TlsMode::require);
}

TEST(ConvertProxysql, bad_files_are_told_with_their_line) {
  const auto why = [](const std::string& text) {
    const auto made = from_proxysql(text);
    EXPECT_EQ(made.yaml, "");
    return std::to_string(made.line) + ": " + made.error;
  };
  EXPECT_EQ(why(""), "0: neither mysql_servers nor pgsql_servers has a server");
  EXPECT_EQ(why("\na"), "2: not `name = value`");
  EXPECT_EQ(why("a = "), "1: a value is missing");
  EXPECT_EQ(why("a = \"x"), "1: a \" without its end");
  EXPECT_EQ(why("a = \"x\\"), "1: a \" without its end");
  EXPECT_EQ(why("a = {\nb = 1"), "2: a } is missing");
  EXPECT_EQ(why("a = (1 2)"), "1: a ) is missing");
  EXPECT_EQ(why("a = 1 }"), "1: a } without its {");
  EXPECT_EQ(why("/* x"), "1: a /* without its */");
  EXPECT_EQ(why("@include \"x\""),
            "1: @include is not followed: convert a file that holds everything");
  EXPECT_EQ(why("a = " + std::string(100, '(')), "1: nested deeper than 32 levels");
}

TEST(Libconfig, reads_every_kind_of_value) {
  const auto read =
      read_libconfig("a: 0x1FL, b = -1.5e3; c = true\nd = \"x\\x41\\n\" \"y\" // z\ne = [1, 2,]");
  ASSERT_EQ(read.error.text, "");
  EXPECT_EQ(read.root.find("a")->text, "0x1FL");
  EXPECT_EQ(read.root.find("b")->text, "-1.5e3");
  EXPECT_EQ(read.root.find("c")->text, "true");
  EXPECT_EQ(read.root.find("d")->text, "xA\ny");
  EXPECT_EQ(read.root.find("e")->members.size(), 2U);
  EXPECT_EQ(read.root.find("f"), nullptr);
}

}  // namespace
}  // namespace sluice::config::convert
