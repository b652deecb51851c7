// What chains need of the rest of the configuration, and of one another; and routes that can never
// match.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/route_checks.hpp"
#include "tests/config/support.hpp"

namespace sluice::config::test {
namespace {

using Lines = std::vector<std::string>;

// The routes begin in line 4, the global chain in the line behind `routes`.
std::string config(const std::string& routes, const std::string& chain = "") {
  return "listeners: [{name: pg, protocol: postgresql, bind: \":1\"}, {name: my, protocol: mysql, "
         "bind: \":2\"}]\n"
         "pools: {p: {url: \"postgresql://h\"}, m: {url: \"mysql://h\"}}\n"
         "routes:\n" +
         routes + (chain.empty() ? "" : "middleware:\n" + chain);
}

const std::string kPlain = "  - {name: r, pool: p}\n  - {name: s, pool: m}\n";

TEST(ChainChecks, pools_of_rules_speak_what_their_clients_do) {
  EXPECT_EQ(problems(config("  - {name: r, pool: p, middleware: [{statement_rules: [{match: x, "
                            "pool: m}]}]}\n")),
            Lines{"f:4:73: error: routes[0].middleware[0].statement_rules[0].pool: the pool \"m\" "
                  "speaks mysql, and the clients of the route \"r\" do not"});
  EXPECT_EQ(problems(config(kPlain, "  - statement_rules: [{match: x, pool: p}]\n")),
            Lines{"f:7:40: error: middleware[0].statement_rules[0].pool: the pool \"p\" speaks "
                  "postgresql, and the clients of the route \"s\" do not"});
  EXPECT_EQ(
      problems(config("  - {name: r, pool: p}\n", "  - statement_rules: [{match: x, pool: p}]\n")),
      Lines{});
}

TEST(ChainChecks, warn_of_user_variables_that_nobody_has) {
  EXPECT_EQ(
      problems(config("  - {name: r, pool: p, middleware: [{settings: {\"@a\": x}}]}\n")),
      Lines{"f:4:55: warning: routes[0].middleware[0].settings.@a: \"@a\" has no effect: it is "
            "a user variable of MySQL, and no route of the chain has clients of MySQL"});
  EXPECT_EQ(problems(config(kPlain, "  - settings: {\"@a\": x, app.user: y}\n")), Lines{});
}

TEST(ChainChecks, audits_of_one_file_share_its_sizes) {
  const std::string route =
      "  - {name: r, pool: p, middleware: [{audit: {file: /x, statements: text, keep: 3}}]}\n";
  EXPECT_EQ(problems(config(route, "  - audit: {file: /x}\n")),
            Lines{"f:4:45: warning: routes[0].middleware[0].audit: max_size, keep and queue of the "
                  "audit in line 6 hold, which has the same file"});
  EXPECT_EQ(problems(config(route, "  - audit: {file: /x, keep: 3}\n")), Lines{});
  EXPECT_EQ(problems(config(route, "  - audit: {file: /y}\n")), Lines{});
}

TEST(ChainChecks, warn_of_what_does_nothing_beside_another) {
  EXPECT_EQ(problems(config("  - {name: r, pool: p, middleware: [row_limit: {rows: 9}]}\n",
                            "  - row_limit: {rows: 9}\n")),
            Lines{"f:4:48: warning: routes[0].middleware[0].row_limit: has no effect: one with a "
                  "limit that is not longer comes before it, in line 6"});
  EXPECT_EQ(problems(config("  - {name: r, pool: p, middleware: [row_limit: {rows: 8}]}\n",
                            "  - row_limit: {rows: 9}\n")),
            Lines{});
  EXPECT_EQ(problems(config("  - {name: r, pool: p}\n", "  - read_only\n  - read_only\n")),
            Lines{"f:7:5: warning: middleware[1].read_only: does its work twice: another one comes "
                  "before it, in line 6"});
  EXPECT_EQ(problems(config("  - {name: r, pool: p, middleware: [statement_statistics]}\n",
                            "  - statement_statistics\n")),
            Lines{"f:4:37: error: routes[0].middleware[0].statement_statistics: would count each "
                  "statement twice: another one comes before it, in line 6"});
}

TEST(ChainChecks, claims_come_from_the_global_chain) {
  const std::string route = "  - {name: r, pool: p, match: {claims: {scope: \"*\"}}";
  const std::string token = "  - require_token: {tokens: x}\n";
  EXPECT_EQ(problems(config(route + ", middleware: [require_token: {tokens: x}]}\n")),
            Lines{"f:4:40: error: routes[0].match.claims: can never match: claims are those of a "
                  "require_token in the global chain (middleware:), and there is none"});
  EXPECT_EQ(problems(config(route + "}\n", token)), Lines{});
}

TEST(ChainChecks, on_refuse_needs_somebody_who_refuses) {
  const std::string route = "  - {name: r, pool: p, on_refuse: {message: x}}\n";
  EXPECT_EQ(problems(config(route)),
            Lines{"f:4:35: warning: routes[0].on_refuse: has no effect: no middleware of its chain "
                  "refuses anything"});
  EXPECT_EQ(problems(config(route, "  - read_only\n")), Lines{});
  EXPECT_EQ(problems(config("  - {name: r, pool: p, on_refuse: {errno: 5}}\n", "  - read_only\n")),
            Lines{"f:4:43: warning: routes[0].on_refuse.errno: has no effect: it is for clients of "
                  "MySQL, and the pool speaks PostgreSQL"});
}

TEST(RouteChecks, transactions) {
  EXPECT_EQ(problems(config("  - {name: r, pool: p, autocommit: true}\n")),
            Lines{"f:4:36: error: routes[0].autocommit: is an option of MySQL, and the pool speaks "
                  "PostgreSQL"});
  EXPECT_EQ(
      problems(config("  - {name: r, pool: m, autocommit: false, isolation_level: autocommit}\n")),
      Lines{"f:4:36: error: routes[0].autocommit: is false, and isolation_level is AUTOCOMMIT"});
  EXPECT_EQ(problems(config("  - {name: r, pool: p, read_only: false, middleware: [read_only]}\n")),
            Lines{"f:4:35: warning: routes[0].read_only: has no effect: the middleware read_only "
                  "makes transactions read only"});
}

TEST(RouteChecks, init_sql_is_plain_sets) {
  const std::string why =
      "must be nothing but `SET name = value` statements with plain values: sessions carry them "
      "from connection to connection; other statements belong into init_sql of the pool";
  for (const std::string sql :
       {"SELECT 1", "SET LOCAL a = 1", "SET a = 1; CREATE TABLE t (i int)"}) {
    EXPECT_EQ(problems(config("  - {name: r, pool: p, init_sql: " + sql + "}\n")),
              Lines{"f:4:34: error: routes[0].init_sql: " + why})
        << sql;
  }
  EXPECT_EQ(problems(config("  - {name: r, pool: m, init_sql: \"SET NAMES utf8\"}\n")),
            Lines{"f:4:34: error: routes[0].init_sql: " + why});
  EXPECT_EQ(
      problems(config("  - {name: r, pool: m, init_sql: \"SET sql_mode = 'ANSI', @a = 1\"}\n")),
      Lines{});
}

TEST(RouteChecks, timeouts_beside_each_other_and_limits) {
  EXPECT_EQ(problems(config("  - {name: r, pool: p, timeouts: {query_timeout: 2m, "
                            "transaction_timeout: 1m}}\n")),
            Lines{"f:4:50: error: routes[0].timeouts.query_timeout: is more than "
                  "transaction_timeout, which always comes first (2m > 1m)"});
  EXPECT_EQ(problems(config("  - {name: r, pool: p, timeouts: {query_timeout: 2m}}\n") +
                     "limits: {transaction_timeout: 1m}\n"),
            Lines{"f:4:50: error: routes[0].timeouts.query_timeout: is more than "
                  "transaction_timeout of limits, which always comes first (2m > 1m)"});
}

TEST(RouteChecks, what_no_listener_can_bring) {
  EXPECT_EQ(problems(config("  - {name: r, pool: p, match: {listener: my}}\n")),
            Lines{"f:4:42: warning: routes[0].match.listener: matches no listener of postgresql: "
                  "the route is never taken"});
  EXPECT_EQ(problems(config("  - {name: r, pool: p, match: {listener: pgs}}\n")),
            Lines{"f:4:42: warning: routes[0].match.listener: matches no listener of postgresql: "
                  "the route is never taken; did you mean \"pg\"?"});
  EXPECT_EQ(
      problems(config("  - {name: r, pool: p, match: {tls_subject: \"CN=*\"}}\n")),
      Lines{"f:4:45: warning: routes[0].match.tls_subject: matches no session: no listener of "
            "the route verifies client certificates (tls mode verify-ca or verify-full)"});
}

struct Two {
  std::string earlier;
  std::string later;
  bool hidden;
};

TEST(RouteChecks, who_takes_all_of_whom) {
  const std::vector<Two> rows{
      {"", "user: a", true},
      {"user: a", "", false},
      {"user: \"a*\", database: d", "user: ab, database: d", true},
      {"listener: pg", "user: a", false},
      {"listener: \"p*\"", "listener: pg", true},
      {"application_name: x", "application_name: x, user: u", true},
      {"application_name: x", "application_name: y", false},
      {"attributes: {a: \"*\"}", "attributes: {a: x, b: y}", true},
      {"attributes: {a: x, b: y}", "attributes: {a: x}", false},
      {"attributes: {a: \"*\"}", "user: u", false},
      {"address: [10.0.0.0/8]", "address: [10.1.0.0/16, 10.2.3.4]", true},
      {"address: [10.0.0.0/8]", "address: [10.1.0.0/16, 11.0.0.0/8]", false},
      {"address: [10.0.0.0/8]", "user: u", false},
      {"tls_subject: \"CN=*\"", "tls_subject: \"CN=a,*\"", true},
      {"claims: {s: r}", "claims: {s: r, t: u}", true},
      {"claims: {s: r}", "claims: {s: w}", false},
  };
  for (const Two& row : rows) {
    const auto loaded = load(config("  - {name: e, pool: p, match: {" + row.earlier +
                                        "}}\n  - {name: l, pool: p, match: {" + row.later + "}}\n",
                                    "  - require_token: {tokens: x}\n"));
    ASSERT_NE(loaded.config, nullptr) << to_string(loaded.problems.at(0));
    const auto& routes = loaded.config->routes;
    EXPECT_EQ(takes_all_of(*loaded.config, routes[0], routes[1]), row.hidden)
        << row.earlier << " | " << row.later;
  }
}

}  // namespace
}  // namespace sluice::config::test
