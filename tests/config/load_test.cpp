#include "config/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/config/support.hpp"

namespace sluice::config {
namespace {

using std::chrono::milliseconds;
using test::Part;
using test::problems;
using test::sample;
using testing::HasSubstr;
using testing::Not;

using Lines = std::vector<std::string>;

TEST(LoadFile, the_whole_surface_has_no_problem) {
  const auto loaded = load_file(SLUICE_FIXTURES "/whole_surface.yaml", {.offline = true});
  for (const Problem& problem : loaded.problems) {
    ADD_FAILURE() << to_string(problem);
  }
  ASSERT_NE(loaded.config, nullptr);
  EXPECT_FALSE(loaded.config->schedules.empty());
  EXPECT_FALSE(loaded.config->routes.empty());
}

TEST(LoadFile, our_example_has_no_problem) {
  const auto loaded = load_file(SLUICE_DOCS "/sluice.example.yaml", {.offline = true});
  for (const Problem& problem : loaded.problems) {
    ADD_FAILURE() << to_string(problem);
  }
  ASSERT_NE(loaded.config, nullptr);
  EXPECT_EQ(loaded.config->pools.size(), 2U);
}

TEST(LoadFile, a_missing_file_is_one_clear_problem) {
  const auto loaded = load_file("/nonexistent/sluice.yaml", {});
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_EQ(to_string(loaded.problems[0]),
            "/nonexistent/sluice.yaml: error: cannot read the file \"/nonexistent/sluice.yaml\": "
            "No such file or directory");
  EXPECT_EQ(loaded.config, nullptr);
}

TEST(LoadText, fills_every_member) {
  const auto loaded = test::load(R"(
version: 1
workers: 3
io: epoll
listeners: [{name: pg, protocol: mysql, bind: "[::1]:6033", proxy_protocol: {trusted: [10.0.0.0/8, "::1"]}}]
pools:
  p:
    url: mysql+pymysql://app:pw@db:3307,[::1]/pets?charset=utf8mb4&connect_timeout=7
    pool_mode: session
    pool_size: 15
    max_overflow: -1
    pool_timeout: 10s
    pool_recycle: 30m
    overflow_delay: 5s
    min_idle: 2
    max_waiting: 9
    idle_timeout: 20m
    keepalive_time: 3m
    pool_pre_ping: true
    pool_pre_ping_idle: 0s
    pool_use_lifo: false
    pool_reset_on_return: full
    isolation_level: repeatable_read
    read_only: true
    autocommit: false
    init_sql: SET a = 1
    connect_args: {program_name: sluice}
    tls: {mode: verify-ca}
    max_prepared_statements: 7
    unsupported_state: refuse
  q: {url: "mysql://h", max_db_connections: 30, max_user_connections: 40}
users: [{name: app, mysql_native_hash: "*0000000000000000000000000000000000000000"}]
routes:
  - name: r
    tags: [a, b]
    match: {user: "a*", database: pets}
    pool: p
    isolation_level: SERIALIZABLE
admin: {http: ":9127", readiness: {backends: all}}
limits:
  max_client_connections: 5
  client_login_timeout: 1s
  max_message: 1MiB
  client_idle_timeout: 1m
  idle_transaction_timeout: 2s
  transaction_timeout: 10s
  query_timeout: 5s
  client_max_lifetime: 1h
drain: {delay: 1s, timeout: 2s}
log: {level: debug, format: json}
)");
  ASSERT_NE(loaded.config, nullptr) << to_string(loaded.problems.at(0));
  const Config& c = *loaded.config;
  EXPECT_EQ(c.workers, 3U);
  EXPECT_EQ(c.io, Io::epoll);
  EXPECT_EQ(c.listeners[0].bind.host, "::1");
  EXPECT_EQ(c.listeners[0].protocol, Protocol::mysql);
  EXPECT_EQ(c.listeners[0].proxy_protocol.trusted, (Lines{"10.0.0.0/8", "::1"}));
  const Pool& p = *c.find_pool("p");
  EXPECT_EQ(p.protocol, Protocol::mysql);
  ASSERT_EQ(p.addresses.size(), 2U);
  EXPECT_EQ(p.addresses[0].host, "db");
  EXPECT_EQ(p.addresses[0].port, 3307);
  EXPECT_EQ(p.addresses[1].host, "::1");
  EXPECT_EQ(p.user, "app");
  EXPECT_EQ(p.password, "pw");
  EXPECT_EQ(p.database, "pets");
  EXPECT_EQ(p.pool_mode, PoolMode::session);
  EXPECT_EQ(p.pool_size, 15U);
  EXPECT_EQ(p.max_overflow, -1);
  EXPECT_EQ(p.pool_timeout, milliseconds(10000));
  EXPECT_EQ(p.pool_recycle, milliseconds(1800000));
  EXPECT_EQ(p.overflow_delay, milliseconds(5000));
  EXPECT_EQ(p.min_idle, 2U);
  EXPECT_EQ(p.max_waiting, 9U);
  EXPECT_EQ(p.idle_timeout, milliseconds(1200000));
  EXPECT_EQ(p.keepalive_time, milliseconds(180000));
  EXPECT_TRUE(p.pool_pre_ping);
  EXPECT_EQ(p.pool_pre_ping_idle, milliseconds(0));
  EXPECT_FALSE(p.pool_use_lifo);
  EXPECT_EQ(p.pool_reset_on_return, ResetOnReturn::full);
  EXPECT_EQ(p.isolation_level, "REPEATABLE READ");
  EXPECT_TRUE(p.read_only);
  EXPECT_EQ(p.autocommit, false);
  EXPECT_EQ(p.init_sql, "SET a = 1");
  EXPECT_EQ(c.find_pool("q")->max_db_connections, 30U);
  EXPECT_EQ(c.find_pool("q")->max_user_connections, 40U);
  const std::vector<std::pair<std::string, std::string>> arguments{{"charset", "utf8mb4"},
                                                                   {"program_name", "sluice"}};
  EXPECT_EQ(p.connect_args, arguments);
  EXPECT_EQ(p.connect_timeout, milliseconds(7000));
  EXPECT_EQ(p.tls.mode, TlsMode::verify_ca);
  EXPECT_EQ(p.max_prepared_statements, 7U);
  EXPECT_TRUE(p.refuse_unsupported_state);
  EXPECT_TRUE(c.find_user("app")->secret.known);
  EXPECT_TRUE(c.find_user("app")->secret.mysql_native_hash.has_value());
  const Route& r = c.routes[0];
  EXPECT_EQ(r.tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(r.match.protocol, Protocol::mysql);  // the pool's
  EXPECT_EQ(r.match.user, "a*");
  EXPECT_EQ(r.isolation_level, "SERIALIZABLE");
  EXPECT_EQ(c.admin.http->port, 9127);
  EXPECT_EQ(c.admin.readiness, Readiness::all);
  EXPECT_EQ(c.limits.max_client_connections, 5U);
  EXPECT_EQ(c.limits.max_message, 1048576U);
  EXPECT_EQ(c.limits.client_idle_timeout, milliseconds(60000));
  EXPECT_EQ(c.limits.idle_transaction_timeout, milliseconds(2000));
  EXPECT_EQ(c.limits.transaction_timeout, milliseconds(10000));
  EXPECT_EQ(c.limits.query_timeout, milliseconds(5000));
  EXPECT_EQ(c.limits.client_max_lifetime, milliseconds(3600000));
  EXPECT_EQ(c.drain.timeout, milliseconds(2000));
  EXPECT_EQ(c.log.level, "debug");
  EXPECT_EQ(c.log.format, LogFormat::json);
}

TEST(LoadText, sslmode_of_a_url_is_the_mode_of_tls) {
  auto text = sample(Part::pool, "").text;
  text.replace(text.find("/pets"), 5, "/pets?sslmode=require&application_name=x");
  const auto loaded = test::load(text);
  ASSERT_NE(loaded.config, nullptr);
  EXPECT_EQ(loaded.config->pools[0].tls.mode, TlsMode::require);
  EXPECT_EQ(loaded.config->pools[0].connect_args.size(), 1U);
}

TEST(LoadText, charsets_of_mysql_are_known_ones) {
  const std::string frame = R"(listeners: [{name: l, protocol: mysql, bind: ":1"}]
routes: [{name: r, pool: p}]
pools: {p: {url: "mysql://h", connect_args: {charset: )";
  EXPECT_EQ(problems(frame + "latin1}}}\n"), Lines{});
  EXPECT_EQ(problems(frame + "latin99}}}\n"),
            Lines{"f:3:55: error: pools.p.connect_args: \"charset\": not a character set that is "
                  "known"});
}

TEST(LoadText, refuses_url_parameters_by_name) {
  auto text = sample(Part::pool, "connect_args: {options: x}").text;
  text.replace(text.find("/pets"), 5, "/pets?krbsrvname=a&options=y");
  EXPECT_EQ(problems(text),
            (Lines{"f:7:10: error: pools.p.url: \"krbsrvname\": not known for this protocol",
                   "f:8:29: error: pools.p.connect_args: \"options\": given twice, in the "
                   "url and in connect_args"}));
}

TEST(LoadText, reports_all_problems_in_the_order_of_the_file) {
  EXPECT_EQ(problems("logs: {}\nworkers: x\npools: {p: {url: \"x://\"}}\nlisteners: {}\n"),
            (Lines{"f:1:1: error: unknown key \"logs\"; did you mean \"log\"?",
                   "f:1:1: error: routes: there must be at least one",
                   "f:2:10: error: workers: must be auto or a whole number from 1 to 1024",
                   "f:3:18: error: pools.p.url: must start with postgresql:// or mysql:// "
                   "(mariadb://, and +driver as in SQLAlchemy)",
                   "f:4:12: error: listeners: must be a list, not a map of keys and values"}));
}

TEST(LoadText, stops_counting_somewhere) {
  std::string text;
  for (int i = 0; i < 2000; ++i) {
    text += "k" + std::to_string(i) + ": 1\n";
  }
  const auto out = problems(text);
  ASSERT_EQ(out.size(), 1001U);
  EXPECT_EQ(out.back(), "f: error: there may be more problems; only the first are shown");
}

TEST(LoadText, a_document_that_is_no_map_is_refused) {
  const Lines expected{"f:1:1: error: the configuration must be a map of keys and values"};
  EXPECT_EQ(problems("- a\n"), expected);
  EXPECT_EQ(problems("text\n"), expected);
  EXPECT_EQ(problems(""), Lines{"f:1:1: error: the configuration is empty"});
}

TEST(LoadText, a_variable_cannot_inject_yaml) {
  ::setenv("SLUICE_TEST_INJECT", "x\"\nadmin: {http: \":1\"}\n", 1);
  const auto loaded = test::load(sample(Part::user, "password: \"${SLUICE_TEST_INJECT}\"").text);
  ASSERT_NE(loaded.config, nullptr);
  EXPECT_EQ(loaded.config->users[0].secret.password, "x\"\nadmin: {http: \":1\"}\n");
  EXPECT_FALSE(loaded.config->admin.http.has_value());
}

TEST(LoadText, a_variable_is_typed_after_it_was_replaced) {
  ::setenv("SLUICE_TEST_SIZE", "7", 1);
  const auto loaded = test::load(sample(Part::pool, "pool_size: ${SLUICE_TEST_SIZE}").text);
  ASSERT_NE(loaded.config, nullptr);
  EXPECT_EQ(loaded.config->pools[0].pool_size, 7U);
}

TEST(LoadText, names_every_missing_variable) {
  ::unsetenv("SLUICE_TEST_NO1");
  ::unsetenv("SLUICE_TEST_NO2");
  EXPECT_EQ(
      problems(sample(Part::user, "password: ${SLUICE_TEST_NO1}${SLUICE_TEST_NO2}").text),
      (Lines{"f:10:15: error: users[0].password: the environment variable \"SLUICE_TEST_NO1\" is "
             "not set",
             "f:10:15: error: users[0].password: the environment variable \"SLUICE_TEST_NO2\" is "
             "not set"}));
}

TEST(LoadText, reads_secret_files_without_one_newline) {
  const auto path = (std::filesystem::path(testing::TempDir()) / "sluice_secret").string();
  std::ofstream(path) << "from ${file}\n\n";
  const auto loaded = test::load(sample(Part::user, "password_file: " + path).text);
  ASSERT_NE(loaded.config, nullptr);
  EXPECT_EQ(loaded.config->users[0].secret.password, "from ${file}\n");
}

TEST(LoadText, offline_opens_no_file) {
  const auto text =
      sample(Part::pool, "password_file: /nonexistent/a\ntls: {ca_file: /nonexistent/b}").text;
  EXPECT_EQ(problems(text, true), Lines{});
  EXPECT_EQ(problems(text, false).size(), 2U);
  EXPECT_EQ(problems(sample(Part::user, "md5_hash: ${file:/nonexistent/c}").text, true), Lines{});
  EXPECT_EQ(problems(sample(Part::pool, "pool_size: ${file:/nonexistent/d}").text, true), Lines{});
  auto whole_url = sample(Part::pool, "connect_args: {charset: x}").text;
  whole_url.replace(whole_url.find("postgresql://"), 24, "${file:/nonexistent/url}");
  EXPECT_EQ(problems(whole_url, true), Lines{});
}

TEST(LoadText, no_message_holds_a_secret) {
  ::setenv("SLUICE_TEST_SECRET", "hush", 1);
  const std::vector<test::Sample> samples{
      sample(Part::user, "md5_hash: hush"),
      sample(Part::user, "scram_verifier: hush\npassword: hush"),
      sample(Part::user, "password: \"hush\\qhush\""),
      sample(Part::user, "password: hush: hush"),
      sample(Part::user, "password: &hush *hush"),
      sample(Part::user, "passwort: hush"),
      sample(Part::user, "password: [hush]"),
      sample(Part::user, "password: !hush hush"),
      sample(Part::pool, "password: {x: hush}"),
      sample(Part::pool, "pool_size: hush"),
      sample(Part::pool, "pool_size: ${SLUICE_TEST_SECRET}"),
      sample(Part::pool, "pool_mode: ${SLUICE_TEST_SECRET}"),
      sample(Part::pool, "connect_args: {connect_timeout: hush, charset: hush}"),
  };
  for (const auto& [text, line] : samples) {
    const auto out = problems(text);
    EXPECT_FALSE(out.empty()) << text;
    for (const std::string& problem : out) {
      EXPECT_THAT(problem, Not(HasSubstr("hush"))) << text;
    }
  }
  for (const auto* url : {"postgresql://u:hush@@h/d", "postgresql://u:hush/x@h", "x://u:hush@h",
                          "postgresql://u:hush@a,a/d", "postgresql://u:hush@a,hush:x/d",
                          "postgresql://u:hush@a,-hush/d", "postgresql://u:hush@/d?host=a:hush",
                          "postgresql://u:hush@a/d?port=hush", "postgresql://u:h,ush@hush@a,b/d",
                          "postgresql://u:hush@h/d?nope=hush"}) {
    auto text = sample(Part::pool, "").text;
    text.replace(text.find("postgresql://"), 24, url);
    const auto out = problems(text);
    ASSERT_EQ(out.size(), 1U) << url;
    EXPECT_THAT(out[0], Not(HasSubstr("hush")));
  }
}

}  // namespace
}  // namespace sluice::config
