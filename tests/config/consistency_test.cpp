// Options that contradict each other: where the message points, and that it names both. In `where`,
// "@" is the line of the row's first line, which is 8 in a pool.

#include "config/consistency.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "tests/config/support.hpp"

namespace sluice::config::test {
namespace {

using Lines = std::vector<std::string>;

struct Row {
  Part part;
  std::string lines;
  std::string where;
  std::string text;
  std::string url = "postgresql://app@db/pets";
};

std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.lines;
}

std::string text_of(const Row& row, int& line) {
  Sample sample = test::sample(row.part, row.lines);
  const std::string url = "postgresql://app@db/pets";
  sample.text.replace(sample.text.find(url), url.size(), row.url);
  if (row.url.starts_with("mysql")) {
    const auto at = sample.text.find("protocol: postgresql");
    sample.text.replace(at, std::string("protocol: postgresql").size(), "protocol: mysql");
  }
  line = sample.line;
  return sample.text;
}

class Contradiction : public testing::TestWithParam<Row> {};

TEST_P(Contradiction, is_told_at_its_place) {
  const Row& row = GetParam();
  int line = 0;
  const std::string text = text_of(row, line);
  std::string where = row.where;
  if (const auto at = where.find('@'); at != std::string::npos) {
    where.replace(at, 1, std::to_string(line));
  }
  EXPECT_EQ(problems(text), Lines{"f:" + where + ": " + row.text}) << text;
  const bool warning = row.text.starts_with("warning");
  EXPECT_EQ(load(text).config != nullptr, warning);
}

const std::string kMysql = "mysql://app@db/pets";

INSTANTIATE_TEST_SUITE_P(
    Refused, Contradiction,
    testing::Values(
        Row{Part::pool, "min_idle: 30", "@:15",
            "error: pools.p.min_idle: is more than pool_size (30 > 20)"},
        Row{Part::pool, "pool_size: 2\nmin_idle: 3", "9:15",
            "error: pools.p.min_idle: is more than pool_size (3 > 2)"},
        Row{Part::pool, "overflow_delay: 5s", "@:21",
            "error: pools.p.overflow_delay: has nothing to delay: max_overflow is 0"},
        Row{Part::pool, "overflow_delay: 5s\nmax_overflow: 2\npool_timeout: 5s", "@:21",
            "error: pools.p.overflow_delay: must be less than pool_timeout, or no client waits so "
            "long (5s >= 5s)"},
        Row{Part::pool, "overflow_delay: 1m\nmax_overflow: -1", "@:21",
            "error: pools.p.overflow_delay: must be less than pool_timeout, or no client waits so "
            "long (1m >= 30s)"},
        Row{Part::pool, "max_db_connections: 30", "@:25",
            "error: pools.p.max_db_connections: is for a url that names no user; this one does, so "
            "that pool_size and max_overflow are its bound"},
        Row{Part::pool, "max_user_connections: 30", "@:27",
            "error: pools.p.max_user_connections: is for a url that names no database; this one "
            "does, so that pool_size and max_overflow are its bound"},
        Row{Part::pool, "max_db_connections: 25\npool_size: 25\nmin_idle: 26", "10:15",
            "error: pools.p.min_idle: is more than pool_size (26 > 25)", "postgresql://db/pets"},
        Row{Part::pool, "autocommit: true", "@:17",
            "error: pools.p.autocommit: is an option of MySQL, and the url names PostgreSQL"},
        Row{Part::pool, "autocommit: false\nisolation_level: autocommit", "9:22",
            "error: pools.p.isolation_level: is AUTOCOMMIT, and autocommit is false", kMysql},
        Row{Part::pool, "pool_mode: statement\nautocommit: false", "@:16",
            "error: pools.p.pool_mode: statement refuses transactions of several statements, and "
            "with autocommit false every statement begins one",
            kMysql},
        Row{Part::top, "limits: {query_timeout: 2m, transaction_timeout: 1m}", "@:25",
            "error: limits.query_timeout: is more than transaction_timeout, which always comes "
            "first (2m > 1m)"},
        Row{Part::top, "limits: {idle_transaction_timeout: 61s, transaction_timeout: 1m}", "@:36",
            "error: limits.idle_transaction_timeout: is more than transaction_timeout, which "
            "always comes first (61s > 1m)"},
        Row{Part::top, "limits: {client_idle_timeout: 2h, client_max_lifetime: 1h}", "@:31",
            "error: limits.client_idle_timeout: is more than client_max_lifetime, which always "
            "comes first (2h > 1h)"}));

INSTANTIATE_TEST_SUITE_P(
    Warned, Contradiction,
    testing::Values(
        Row{Part::pool, "max_waiting: 5\npool_timeout: 0s", "@:18",
            "warning: pools.p.max_waiting: has no effect: nobody waits, since pool_timeout is 0s"},
        Row{Part::pool, "max_db_connections: 5", "@:25",
            "warning: pools.p.max_db_connections: is less than pool_size, which can never be "
            "reached (20 > 5)",
            "postgresql://db/pets"},
        Row{Part::pool, "max_user_connections: 5", "@:27",
            "warning: pools.p.max_user_connections: is less than pool_size, which can never be "
            "reached (20 > 5)",
            "mysql://app@db"},
        Row{Part::pool, "idle_timeout: 30m\npool_recycle: 30m", "@:19",
            "warning: pools.p.idle_timeout: has no effect: pool_recycle comes first (30m >= 30m)"},
        Row{Part::pool, "keepalive_time: 5m\npool_recycle: 4m", "@:21",
            "warning: pools.p.keepalive_time: has no effect: pool_recycle comes first (5m >= 4m)"},
        Row{Part::pool, "keepalive_time: 10m", "@:21",
            "warning: pools.p.keepalive_time: has no effect: idle_timeout comes first, and "
            "min_idle keeps none (10m >= 10m)"},
        Row{Part::pool, "pool_pre_ping_idle: 1s", "@:25",
            "warning: pools.p.pool_pre_ping_idle: has no effect: pool_pre_ping is false"},
        Row{Part::pool, "connect_args: {connect_timeout: 60s}", "@:37",
            "warning: pools.p.connect_args.connect_timeout: is more than pool_timeout, so that a "
            "client gives up first (1m > 30s)"},
        Row{Part::pool, "pool_mode: statement\npool_reset_on_return: commit", "9:27",
            "warning: pools.p.pool_reset_on_return: commit has no effect: in pool_mode statement "
            "there is never a transaction to commit"}));

TEST(Consistency, a_route_may_contradict_its_pool) {
  const std::string frame = R"(listeners: [{name: l, protocol: mysql, bind: ":1"}]
pools: {p: {url: "mysql://h", autocommit: false}}
routes: [{name: r, pool: p, isolation_level: )";
  EXPECT_EQ(problems(frame + "AUTOCOMMIT}]\n"),
            Lines{"f:3:46: error: routes[0].isolation_level: is AUTOCOMMIT, and autocommit of the "
                  "pool \"p\" is false"});
  EXPECT_EQ(problems(frame + "SERIALIZABLE}]\n"), Lines{});
}

TEST(Consistency, passwords_of_admins_do_not_cross_the_network_in_silence) {
  const auto with = [](const std::string& admin, const std::string& right) {
    return "listeners: [{name: l, protocol: mysql, bind: \":1\"}]\npools: {p: {url: mysql://h/d}}\n"
           "routes: [{name: r, pool: p}]\nusers: [{name: ops, password: x, admin: " +
           right + "}]\nadmin: {" + admin + "}\n";
  };
  const Lines warned{
      "f:5:15: warning: admin.http: is reached from other machines without TLS, so that passwords "
      "of users with `admin` cross the network as they are; give admin.tls, or bind a loopback "
      "address"};
  for (const char* bind : {"\":9127\"", "0.0.0.0:9127", "192.0.2.1:9127", "\"[::]:9127\""}) {
    const std::string admin = std::string("http: ") + bind;
    EXPECT_EQ(problems(with(admin, "true")), warned) << bind;
    EXPECT_EQ(problems(with(admin, "read_only")), warned) << bind;
    EXPECT_EQ(problems(with(admin, "false")), Lines{}) << bind;
  }
  for (const char* bind :
       {"127.0.0.1:9127", "localhost:9127", "\"[::1]:9127\"", "127.1.2.3:9127"}) {
    EXPECT_EQ(problems(with(std::string("http: ") + bind, "true")), Lines{}) << bind;
  }
  const std::string tls = "http: \":9127\", tls: {mode: require, cert_file: a, key_file: b}";
  EXPECT_EQ(problems(with(tls, "true"), true), Lines{});
}

TEST(Consistency, min_idle_is_within_the_caps) {
  int line = 0;
  const Row row{Part::pool, "max_db_connections: 5\nmin_idle: 6", "", "", "postgresql://db/pets"};
  EXPECT_EQ(problems(text_of(row, line)),
            (Lines{"f:8:25: warning: pools.p.max_db_connections: is less than pool_size, which can "
                   "never be reached (20 > 5)",
                   "f:9:15: error: pools.p.min_idle: is more than max_db_connections (6 > 5)"}));
}

// Defaults and options that are off contradict nothing.
TEST(Consistency, has_nothing_to_say_of_these) {
  const std::vector<Row> rows{
      {Part::pool, "overflow_delay: 0s\nmax_overflow: 0", "", ""},
      {Part::pool, "pool_recycle: 1m", "", ""},
      {Part::pool, "idle_timeout: 1m", "", ""},
      {Part::pool, "keepalive_time: 20m\nmin_idle: 1", "", ""},
      {Part::pool, "keepalive_time: 20m\nidle_timeout: 0s", "", ""},
      {Part::pool, "idle_timeout: 1h\npool_recycle: -1", "", ""},
      {Part::pool, "pool_timeout: 1s", "", ""},
      {Part::pool, "max_db_connections: 0\nmax_user_connections: 0", "", ""},
      {Part::pool, "max_db_connections: 20\nmax_user_connections: 20", "", "", "mysql://db"},
      {Part::pool, "autocommit: null", "", ""},
      {Part::pool, "autocommit: false\nisolation_level: SERIALIZABLE", "", "", kMysql},
      {Part::pool, "autocommit: true\npool_mode: statement", "", "", kMysql},
      {Part::top, "limits: {query_timeout: 1m, transaction_timeout: 1m}", "", ""},
      {Part::top, "limits: {query_timeout: 1m, transaction_timeout: 0s}", "", ""},
  };
  for (const Row& row : rows) {
    int line = 0;
    EXPECT_EQ(problems(text_of(row, line)), Lines{}) << row.lines;
  }
}

// One mistake, one message: what follows from a wrong value is no news.
TEST(Consistency, is_silent_about_options_that_are_wrong_themselves) {
  const std::vector<std::string> rows{
      "min_idle: 30\npool_size: x", "overflow_delay: 5s\nmax_overflow: x",
      "pool_pre_ping_idle: 1s\npool_pre_ping: x", "max_waiting: 1\npool_timeout: 0"};
  for (const std::string& lines : rows) {
    EXPECT_EQ(problems(sample(Part::pool, lines).text).size(), 1U) << lines;
  }
  EXPECT_EQ(problems(sample(Part::pool, "min_idle: 30\npool_size: ${file:/x}").text, true),
            Lines{});
}

}  // namespace
}  // namespace sluice::config::test
