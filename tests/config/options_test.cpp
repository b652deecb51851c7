// Every option with values that are wrong: the message and where it points. In `where`, "@" is the
// line of the row's first line.

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "tests/config/support.hpp"

namespace sluice::config::test {
namespace {

struct Row {
  Part part;
  std::string lines;
  std::string where;
  std::string text;
};

std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.lines;
}

class BadOption : public testing::TestWithParam<Row> {};

TEST_P(BadOption, is_one_problem_at_its_place) {
  const Row& row = GetParam();
  const Sample sample = test::sample(row.part, row.lines);
  std::string where = row.where;
  const auto at = where.find('@');
  ASSERT_NE(at, std::string::npos);
  where.replace(at, 1, std::to_string(sample.line));
  EXPECT_EQ(problems(sample.text), std::vector<std::string>{"f:" + where + ": error: " + row.text})
      << sample.text;
}

const std::string kDuration =
    "must be a duration with its unit, such as \"500ms\", \"30s\" or \"10m\"";
const std::string kIsolation =
    "must be READ UNCOMMITTED, READ COMMITTED, REPEATABLE READ, SERIALIZABLE or AUTOCOMMIT";
const std::string kBind = "must be host:port, [v6]:port, :port or unix:/path";
const std::string kMissingFile = "cannot read the file \"/nonexistent/x\"";

INSTANTIATE_TEST_SUITE_P(
    Top, BadOption,
    testing::Values(
        Row{Part::top, "version: 2", "@:10", "version: must be 1"},
        Row{Part::top, "workers: 0", "@:10",
            "workers: must be auto or a whole number from 1 to 1024"},
        Row{Part::top, "workers: [auto]", "@:10", "workers: must be one value, not a list"},
        Row{Part::top, "io: uring", "@:5", "io: must be auto, epoll or io_uring"},
        Row{Part::top, "io: epol", "@:5",
            "io: must be auto, epoll or io_uring; did you mean \"epoll\"?"},
        Row{Part::top, "worker: 1", "@:1", "unknown key \"worker\"; did you mean \"workers\"?"},
        Row{Part::top, "<<: {}", "@:1", "unknown key \"<<\"; merge keys are not supported"},
        Row{Part::top, "zzzzzz: 1", "@:1", "unknown key \"zzzzzz\""},
        Row{Part::top, "schedules: {cron: x}", "@:12",
            "schedules: must be a list, not a map of keys and values"},
        Row{Part::top, "auth: {passthrough: true}", "@:21", "auth.passthrough: not supported yet"},
        Row{Part::top, "auth: {query: {url: x}}", "@:15", "auth.query: not supported yet"},
        Row{Part::top, "auth: {qery: null}", "@:8",
            "auth: unknown key \"qery\"; did you mean \"query\"?"},
        Row{Part::top, "admin: {http: 9127}", "@:15", "admin.http: " + kBind},
        Row{Part::top, "admin: {http: \":6432\"}", "@:15",
            "admin.http: the address is taken by listeners[0].bind"},
        Row{Part::top, "admin: {readiness: {backends: some}}", "@:31",
            "admin.readiness.backends: must be any, all or none"},
        Row{Part::top, "admin: {tls: {mode: prefer}}", "@:21",
            "admin.tls.mode: must be disable or require"},
        Row{Part::top, "admin: {http: \"unix:/tmp/x\"}", "@:15",
            "admin.http: must be host:port; a unix socket is given as admin.socket"},
        Row{Part::top, "admin: {dashboard: {enabled: true}}", "@:30",
            "admin.dashboard.enabled: needs admin.http, where the page is served"},
        Row{Part::top, "limits: {max_client_connections: 0}", "@:34",
            "limits.max_client_connections: must be a whole number from 1 to 10000000"},
        Row{Part::top, "limits: {client_login_timeout: 0s}", "@:32",
            "limits.client_login_timeout: must be at least 1ms"},
        Row{Part::top, "limits: {max_message: 1000}", "@:23",
            "limits.max_message: must be a size with its unit, such as \"64KiB\", \"16MiB\" or "
            "\"1GiB\""},
        Row{Part::top, "limits: {max_message: 2GiB}", "@:23",
            "limits.max_message: must be a size from 64KiB to 1GiB"},
        Row{Part::top, "limits: {query_timeout: 30}", "@:25", "limits.query_timeout: " + kDuration},
        Row{Part::top, "limits: {client_max_lifetime: -1}", "@:31",
            "limits.client_max_lifetime: " + kDuration},
        Row{Part::top, "limits: {max_pinned_buffer: 1KiB}", "@:29",
            "limits.max_pinned_buffer: must be a size from 4KiB to 1GiB"},
        Row{Part::top, "drain: {delay: -1}", "@:16", "drain.delay: " + kDuration},
        Row{Part::top, "drain: {timeout: 60}", "@:18", "drain.timeout: " + kDuration},
        Row{Part::top, "drain:", "@:1", "drain: has no value; give it one or leave the key out"},
        Row{Part::top, "log: {level: warn}", "@:14",
            "log.level: must be trace, debug, info, warning or error"},
        Row{Part::top, "log: {format: jsn}", "@:15",
            "log.format: must be text or json; did you mean \"json\"?"},
        Row{Part::top, "log: info", "@:6",
            "log: must be a map of keys and values, not one value"}));

INSTANTIATE_TEST_SUITE_P(
    Listener, BadOption,
    testing::Values(Row{Part::listener, "tls: {mode: verify}", "@:17",
                        "listeners[0].tls.mode: must be disable, prefer, require, verify-ca or "
                        "verify-full; did you mean \"verify-ca\"?"},
                    Row{Part::listener, "tls: {mode: disable, cert_file: /nonexistent/x}", "@:37",
                        "listeners[0].tls.cert_file: " + kMissingFile},
                    Row{Part::listener, "tls: {key_file: \"\"}", "@:21",
                        "listeners[0].tls.key_file: must not be empty"},
                    Row{Part::listener, "proxy_protocol: {trusted: [x]}", "@:32",
                        "listeners[0].proxy_protocol.trusted[0]: must be an address or a block of "
                        "addresses, as in 10.0.0.0/8 or 2001:db8::/32"},
                    Row{Part::listener, "proxy_protocol: {trusted: [10.0.0.0/8, 10.0.0.1/24]}",
                        "@:44",
                        "listeners[0].proxy_protocol.trusted[1]: names an address inside of its "
                        "block: write 10.0.0.0/24"},
                    Row{Part::listener, "proxy_protocol: {trusted: 10.0.0.0/8}", "@:31",
                        "listeners[0].proxy_protocol.trusted: must be a list, not one value"},
                    Row{Part::listener, "proxy_protocol: {trusted: []}", "@:31",
                        "listeners[0].proxy_protocol.trusted: must name at least one network, that "
                        "of the load balancers"},
                    Row{Part::listener, "proxy_protocol: {}", "@:21",
                        "listeners[0].proxy_protocol.trusted: must name at least one network, that "
                        "of the load balancers"},
                    Row{Part::listener, "proxy_protocol: {trusted: [10.0.0.0/8], trustd: x}",
                        "@:45",
                        "listeners[0].proxy_protocol: unknown key \"trustd\"; did you mean "
                        "\"trusted\"?"},
                    Row{Part::listener, "proxy_protocol: true", "@:21",
                        "listeners[0].proxy_protocol: must be a map of keys and values, not one "
                        "value"},
                    Row{Part::listener, "bnd: x", "@:5",
                        "listeners[0]: unknown key \"bnd\"; did you mean \"bind\"?"}));

INSTANTIATE_TEST_SUITE_P(
    Pool, BadOption,
    testing::Values(
        Row{Part::pool, "pool_size: 0", "@:16",
            "pools.p.pool_size: must be a whole number from 1 to 100000"},
        Row{Part::pool, "pool_size: ten", "@:16",
            "pools.p.pool_size: must be a whole number from 1 to 100000"},
        Row{Part::pool, "pool_size: ~", "@:5",
            "pools.p.pool_size: has no value; give it one or leave the key out"},
        Row{Part::pool, "poolsize: 1", "@:5",
            "pools.p: unknown key \"poolsize\"; did you mean \"pool_size\"?"},
        Row{Part::pool, "pool-size: 1", "@:5",
            "pools.p: unknown key \"pool-size\"; did you mean \"pool_size\"?"},
        Row{Part::pool, "max_overflow: -2", "@:19",
            "pools.p.max_overflow: must be a whole number from -1 to 100000"},
        Row{Part::pool, "pool_timeout: 30", "@:19", "pools.p.pool_timeout: " + kDuration},
        Row{Part::pool, "pool_timeout: -1", "@:19", "pools.p.pool_timeout: " + kDuration},
        Row{Part::pool, "pool_recycle: 0s", "@:19", "pools.p.pool_recycle: must be at least 1ms"},
        Row{Part::pool, "pool_recycle: never", "@:19",
            "pools.p.pool_recycle: " + kDuration + ", or -1 for never"},
        Row{Part::pool, "pool_pre_ping: yes", "@:20",
            "pools.p.pool_pre_ping: must be true or false"},
        Row{Part::pool, "pool_pre_ping_idle: -1", "@:25",
            "pools.p.pool_pre_ping_idle: " + kDuration},
        Row{Part::pool, "pool_use_lifo: 1", "@:20", "pools.p.pool_use_lifo: must be true or false"},
        Row{Part::pool, "pool_reset_on_return: rolback", "@:27",
            "pools.p.pool_reset_on_return: must be rollback, commit, full or none; did you mean "
            "\"rollback\"?"},
        Row{Part::pool, "pool_mode: statment", "@:16",
            "pools.p.pool_mode: must be transaction, session or statement; did you mean "
            "\"statement\"?"},
        Row{Part::pool, "isolation_level: SNAPSHOT", "@:22",
            "pools.p.isolation_level: " + kIsolation},
        Row{Part::pool, "isolation_level: READ COMMITED", "@:22",
            "pools.p.isolation_level: " + kIsolation + "; did you mean \"READ COMMITTED\"?"},
        Row{Part::pool, "max_prepared_statements: -1", "@:30",
            "pools.p.max_prepared_statements: must be a whole number from 1 to 100000"},
        Row{Part::pool, "unsupported_state: ignore", "@:24",
            "pools.p.unsupported_state: must be pin or refuse"},
        Row{Part::pool, "password: \"\"", "@:15", "pools.p.password: must not be empty"},
        Row{Part::pool, "password_file: /nonexistent/x", "@:20",
            "pools.p.password_file: " + kMissingFile + ": No such file or directory"},
        Row{Part::pool, "password_file: /dev/null\npassword: test-only", "@:20",
            "pools.p.password_file: given twice, as password and as password_file"},
        Row{Part::pool, "connect_args: x", "@:19",
            "pools.p.connect_args: must be a map of keys and values, not one value"},
        Row{Part::pool, "connect_args: {charset: x}", "@:29",
            "pools.p.connect_args: \"charset\": not known for this protocol"},
        Row{Part::pool, "connect_args: {option: x}", "@:28",
            "pools.p.connect_args: \"option\": not known for this protocol; did you mean "
            "\"options\"?"},
        Row{Part::pool, "connect_args: {options: [x]}", "@:29",
            "pools.p.connect_args.options: must be one value, not a list"},
        Row{Part::pool, "connect_args: {connect_timeout: soon}", "@:37",
            "pools.p.connect_args: \"connect_timeout\": must be a duration such as "
            "\"5s\""},
        Row{Part::pool, "connect_args: {sslmode: allow}", "@:29",
            "pools.p.connect_args: \"sslmode\": must be disable, prefer, require, "
            "verify-ca or verify-full"},
        Row{Part::pool, "connect_args: {sslmode: require}\ntls: {mode: require}", "@:29",
            "pools.p.connect_args: \"sslmode\": given twice, here and in tls"},
        Row{Part::pool, "connect_args: {keepalives: 1}", "@:32",
            "pools.p.connect_args: \"keepalives\": not supported yet"}));

INSTANTIATE_TEST_SUITE_P(
    PoolTls, BadOption,
    testing::Values(
        Row{Part::pool, "tls: {mode: verify_full}", "@:17",
            "pools.p.tls.mode: must be disable, prefer, require, verify-ca or verify-full; did you "
            "mean \"verify-full\"?"},
        Row{Part::pool, "tls: {ca_file: /nonexistent/x}", "@:20",
            "pools.p.tls.ca_file: " + kMissingFile},
        Row{Part::pool, "tls: {cert_file: /dev/null}", "@:10",
            "pools.p.tls.key_file: is missing; a client certificate needs both cert_file and "
            "key_file"},
        Row{Part::pool, "tls: {cert: /dev/null}", "@:11", "pools.p.tls: unknown key \"cert\""}));

INSTANTIATE_TEST_SUITE_P(
    PoolBackground, BadOption,
    testing::Values(
        Row{Part::pool, "overflow_delay: 5", "@:21", "pools.p.overflow_delay: " + kDuration},
        Row{Part::pool, "min_idle: -1", "@:15",
            "pools.p.min_idle: must be a whole number from 0 to 100000"},
        Row{Part::pool, "idle_timeout: -1", "@:19", "pools.p.idle_timeout: " + kDuration},
        Row{Part::pool, "keepalive_time: never", "@:21", "pools.p.keepalive_time: " + kDuration},
        Row{Part::pool, "max_waiting: many", "@:18",
            "pools.p.max_waiting: must be a whole number from 0 to 10000000"},
        Row{Part::pool, "init_sql: \"\"", "@:15",
            "pools.p.init_sql: must hold a statement; leave the key out for none"},
        Row{Part::pool, "init_sql: \" ;\\n\"", "@:15",
            "pools.p.init_sql: must hold a statement; leave the key out for none"},
        Row{Part::pool, "init_sql: \"SET a = '\\0'\"", "@:15",
            "pools.p.init_sql: holds a NUL byte"},
        Row{Part::pool, "read_only: yes", "@:16", "pools.p.read_only: must be true or false"},
        Row{Part::pool, "autocommit: 1", "@:17", "pools.p.autocommit: must be true or false"},
        Row{Part::pool, "max_db_connections: -1", "@:25",
            "pools.p.max_db_connections: must be a whole number from 0 to 100000"},
        Row{Part::pool, "max_user_connections: x", "@:27",
            "pools.p.max_user_connections: must be a whole number from 0 to 100000"}));

INSTANTIATE_TEST_SUITE_P(
    User, BadOption,
    testing::Values(
        Row{Part::user, "password: \"\"", "@:15", "users[0].password: must not be empty"},
        Row{Part::user, "password: [x]", "@:15",
            "users[0].password: must be one value, not a list"},
        Row{Part::user, "scram_verifier: x", "@:21",
            "users[0].scram_verifier: must have the form "
            "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey"},
        Row{Part::user, "md5_hash: x", "@:15",
            "users[0].md5_hash: must be md5 and 32 hexadecimal digits"},
        Row{Part::user, "mysql_native_hash: x", "@:24",
            "users[0].mysql_native_hash: must be * and 40 hexadecimal digits"},
        Row{Part::user, "caching_sha2_hash: x", "@:24",
            "users[0].caching_sha2_hash: must be $A$ with 70 bytes in all, or $B$ with 115"},
        Row{Part::user, "md5_hash_file: /nonexistent/x", "@:20",
            "users[0].md5_hash_file: " + kMissingFile + ": No such file or directory"},
        Row{Part::user, "admin: maybe\npassword: test-only", "@:12",
            "users[0].admin: must be false, read_only or true"},
        Row{Part::user, "pasword: test-only\nmd5_hash: md500000000000000000000000000000000", "@:5",
            "users[0]: unknown key \"pasword\"; did you mean \"password\"?"}));

INSTANTIATE_TEST_SUITE_P(
    Route, BadOption,
    testing::Values(
        Row{Part::route, "tags: reports", "@:11", "routes[0].tags: must be a list, not one value"},
        Row{Part::route, "tags: [\"a b\"]", "@:12",
            "routes[0].tags[0]: must be a name of 1 to 63 letters, digits, \"_\", \"-\" and "
            "\".\""},
        Row{Part::route, "match: {protocol: postgres}", "@:23",
            "routes[0].match.protocol: must be postgresql or mysql; did you mean \"postgresql\"?"},
        Row{Part::route, "match: {user: \"[a\"}", "@:19",
            "routes[0].match.user: must be a shell pattern; * matches everything"},
        Row{Part::route, "match: {database: \"\"}", "@:23",
            "routes[0].match.database: must be a shell pattern; * matches everything"},
        Row{Part::route, "match: {db: x}", "@:13", "routes[0].match: unknown key \"db\""},
        Row{Part::route, "isolation_level: none", "@:22",
            "routes[0].isolation_level: " + kIsolation},
        Row{Part::route, "match: {listener: \"[\"}", "@:23",
            "routes[0].match.listener: must be a shell pattern; * matches everything"},
        Row{Part::route, "match: {attributes: {a b: x}}", "@:26",
            "routes[0].match.attributes: the key \"a b\" must be a name of 1 to 63 letters, "
            "digits, "
            "\"_\", \"-\" and \".\""},
        Row{Part::route, "match: {attributes: {a: \"\"}}", "@:29",
            "routes[0].match.attributes.a: must be a shell pattern; * matches everything"},
        Row{Part::route, "match: {attributes: [a]}", "@:25",
            "routes[0].match.attributes: must be a map of keys and values, not a list"},
        Row{Part::route, "match: {address: 10.0.0.0/8}", "@:22",
            "routes[0].match.address: must be a list, not one value"},
        Row{Part::route, "match: {address: [10.0.0.0/33]}", "@:23",
            "routes[0].match.address[0]: must have a prefix length from 0 to 32 behind the slash"},
        Row{Part::route, "match: {tls_subject: \"\"}", "@:26",
            "routes[0].match.tls_subject: must be a shell pattern; * matches everything"},
        Row{Part::route, "read_only: on", "@:16", "routes[0].read_only: must be true or false"},
        Row{Part::route, "autocommit: 1", "@:17", "routes[0].autocommit: must be true or false"},
        Row{Part::route, "timeouts: {query_timeout: 5}", "@:31",
            "routes[0].timeouts.query_timeout: " + kDuration},
        Row{Part::route, "timeouts: {pool_timeout: 5s}", "@:16",
            "routes[0].timeouts: unknown key \"pool_timeout\""},
        Row{Part::route, "init_sql: ;", "@:15",
            "routes[0].init_sql: must hold a statement; leave the key out for none"},
        Row{Part::route, "middleware: {read_only: {}}", "@:17",
            "routes[0].middleware: must be a list, not a map of keys and values"},
        Row{Part::route, "on_refuse: {sqlstate: 28000x}", "@:27",
            "routes[0].on_refuse.sqlstate: must be five digits and capital letters, such as "
            "\"28000\""},
        Row{Part::route, "on_refuse: {sqlstate: \"01000\"}", "@:27",
            "routes[0].on_refuse.sqlstate: must stand for an error; the classes 00, 01 and 02 do "
            "not"},
        Row{Part::route, "on_refuse: {errno: 65536}", "@:24",
            "routes[0].on_refuse.errno: must be a whole number from 1 to 65535"},
        Row{Part::route, "on_refuse: {message: \"\"}", "@:26",
            "routes[0].on_refuse.message: must not be empty"}));

struct Good {
  Part part;
  std::string lines;
};

// What the whole-surface example sets to "off", and the edges of the ranges.
TEST(GoodOption, has_no_problem) {
  const std::vector<Good> rows{
      {Part::top, "version: 1\nworkers: 1024\nio: epoll"},
      {Part::top, "io: io_uring"},
      {Part::top, "auth: {query: null, passthrough: false}\nmiddleware: []\nschedules: []"},
      {Part::top, "admin: {http: null, tls: {mode: disable}, dashboard: {enabled: false}}"},
      {Part::top, "admin: {http: \"[::1]:9127\", readiness: {backends: none}}"},
      {Part::top, "limits: {max_message: 64KiB, query_timeout: 0s, client_max_lifetime: 0s}"},
      {Part::top, "drain: {delay: 0s, timeout: 1h}\nlog: {level: trace, format: json}"},
      {Part::listener, "tls: {}"},
      {Part::pool, "pool_size: 1\nmax_overflow: -1\npool_timeout: 0s\npool_recycle: -1"},
      {Part::pool, "pool_mode: session\npool_reset_on_return: none\nunsupported_state: refuse"},
      {Part::pool, "min_idle: 0\nmax_waiting: 0\nread_only: false\nautocommit: null"},
      {Part::pool, "min_idle: 20\nmax_overflow: 1\noverflow_delay: 5s\nmax_waiting: 100"},
      {Part::pool, "idle_timeout: 0s\nkeepalive_time: 0s\npool_use_lifo: false"},
      {Part::pool, "pool_mode: statement\nread_only: true\ninit_sql: \"SET a = 1; SET b = 2\""},
      {Part::top, "limits: {client_idle_timeout: 1m, idle_transaction_timeout: 30s}"},
      {Part::pool, "connect_args: {sslmode: verify-full, connect_timeout: 5}"},
      {Part::pool,
       "connect_args: {application_name: x, options: \"-c a=b\"}\ntls: {mode: require}"},
      {Part::user, "password: test-only\nadmin: false"},
      {Part::user, "password: 12345"},
      {Part::user, "caching_sha2_hash: \"$A$005$\\x03" + std::string(62, 's') + "\""},
      {Part::route, "tags: []\nmatch: {protocol: null, user: \"*\"}"},
      {Part::route, "match: {listener: l, application_name: \"a*\", attributes: {x.y: \"*\"}}"},
      {Part::route, "match: {address: [10.0.0.0/8, \"::1\"]}\nread_only: true"},
      {Part::route, "timeouts: {query_timeout: 0s}\ninit_sql: SET a = 1; SET b.c TO 'x'"},
      {Part::route, "middleware: [read_only]\non_refuse: {message: x, sqlstate: 28ABC}"},
      {Part::top, "limits: {max_pinned_buffer: 64KiB}"},
  };
  for (const Good& row : rows) {
    EXPECT_EQ(problems(sample(row.part, row.lines).text), std::vector<std::string>{}) << row.lines;
  }
}

}  // namespace
}  // namespace sluice::config::test
