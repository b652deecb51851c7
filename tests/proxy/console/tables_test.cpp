#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "config/describe.hpp"
#include "config/diff.hpp"
#include "proxy/console/topics.hpp"
#include "proxy/console/views.hpp"
#include "tests/support/scripted_operator.hpp"

namespace sluice::proxy::console {
namespace {

using protocol::ColumnType;
using protocol::Row;
using protocol::Table;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

// A line of the table, by the names of its columns.
std::map<std::string, std::string> line(const Table& table, std::size_t row) {
  std::map<std::string, std::string> values;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    values[table.columns[i].name] = protocol::to_text(table.rows.at(row).at(i), "yes", "no");
  }
  return values;
}

std::vector<std::string> names(const Table& table) {
  std::vector<std::string> all;
  for (const protocol::Column& column : table.columns) {
    all.push_back(column.name);
  }
  return all;
}

bool fits(const protocol::Value& value, ColumnType type) {
  switch (type) {
    case ColumnType::text:
      return std::holds_alternative<std::string>(value);
    case ColumnType::real:
      return std::holds_alternative<double>(value);
    case ColumnType::boolean:
      return std::holds_alternative<bool>(value);
    default:
      return std::holds_alternative<std::int64_t>(value);
  }
}

class Tables : public testing::Test {
 protected:
  Tables() {
    config::Pool pool;
    pool.name = "pets_pg";
    pool.user = "app";
    pool.database = "pets";
    pool.addresses.push_back({"db", 5432, ""});
    pool.pool_size = 15;
    pool.max_overflow = 5;
    pool.pool_recycle = 30min;
    house.config_->pools.push_back(pool);
    house.config_->users.push_back({"app", {}, {}});
    house.config_text = "version: 1\nlimits:\n  max_client_connections: 7\n";

    op::PoolView view;
    view.name = "pets_pg";
    view.user = "app";
    view.database = "pets";
    view.used = 3;
    view.idle = 2;
    view.connecting = 1;
    view.clients_active = 2;
    view.clients_pinned = 1;
    view.clients_idle = 4;
    view.clients_waiting = 5;
    view.oldest_wait = 2500ms;
    view.mode = config::PoolMode::session;
    house.pool_views.push_back(view);

    op::SessionView session;
    session.id = 42;
    session.user = "app";
    session.database = "pets";
    session.client = "10.1.2.3:5555";
    session.route = "all";
    session.pool = "pets_pg";
    session.state = metrics::ClientState::pinned;
    session.pins.add(protocol::Pin::listen);
    session.pins.add(protocol::Pin::lock);
    session.connected_at = op::WallTime(1000000000s);
    session.age = 60s;
    session.state_age = 10s;
    session.wait = 1500ms;
    session.backend = 255;
    house.session_views.push_back(session);

    op::BackendView backend;
    backend.id = 255;
    backend.pool = "pets_pg";
    backend.user = "app";
    backend.address = "[::1]:5432";
    backend.state = op::BackendState::used;
    backend.session = 42;
    backend.server_id = 777;
    house.backend_views.push_back(backend);

    op::PoolTotals totals;
    totals.pool = "pets_pg";
    totals.transactions = 10;
    totals.queries = 20;
    totals.query_time = 4s;
    totals.transaction_time = 5s;
    totals.acquires = 4;
    totals.wait_time = 1s;
    house.pool_totals.push_back(totals);
    house.status_view.uptime = 10s;

    house.route_views.push_back(
        {"all", {"a", "b"}, "user app", "pets_pg", "", false, {"audit", "read_only"}, 3});
    house.event_views.push_back({1, {}, "pause", "pets_pg", "paused", "ops"});
    op::ScheduleView schedule;
    schedule.cron = "50 8 * * 1-5";
    schedule.timezone = "Asia/Seoul";
    schedule.action = "resize";
    schedule.pool = "pets_pg";
    schedule.pool_size = 40;
    schedule.in_force = true;
    schedule.next_run = op::WallTime(1'000'000'020s);
    house.schedule_views.push_back(schedule);
    house.fingerprint_views.push_back({"ab", "select $1", "select", "pets_pg", 5});
  }

  Table show(std::string_view topic) { return find_topic(topic)->make(house); }

  test::ScriptedOperator house;
};

// What clients rely on: a value for each column, of its type.
TEST_F(Tables, every_row_fits_its_columns) {
  for (const Topic& topic : topics()) {
    const Table table = topic.make(house);
    EXPECT_FALSE(table.columns.empty()) << topic.name;
    EXPECT_EQ(table.tag, "SHOW");
    for (const Row& row : table.rows) {
      ASSERT_EQ(row.size(), table.columns.size()) << topic.name;
      for (std::size_t i = 0; i < row.size(); ++i) {
        EXPECT_TRUE(std::holds_alternative<std::monostate>(row[i]) ||
                    fits(row[i], table.columns[i].type))
            << topic.name << " " << table.columns[i].name;
      }
    }
  }
}

TEST_F(Tables, pools_as_pgbouncer_shows_them) {
  const Table table = show("POOLS");
  EXPECT_THAT(names(table),
              ElementsAre("database", "user", "cl_active", "cl_waiting", "cl_active_cancel_req",
                          "cl_waiting_cancel_req", "sv_active", "sv_active_cancel",
                          "sv_being_canceled", "sv_idle", "sv_used", "sv_tested", "sv_login",
                          "maxwait", "maxwait_us", "pool_mode", "load_balance_hosts"));
  auto values = line(table, 0);
  EXPECT_EQ(values["database"], "pets_pg");
  EXPECT_EQ(values["user"], "app");
  EXPECT_EQ(values["cl_active"], "7");
  EXPECT_EQ(values["cl_waiting"], "5");
  EXPECT_EQ(values["sv_active"], "3");
  EXPECT_EQ(values["sv_idle"], "2");
  EXPECT_EQ(values["sv_login"], "1");
  EXPECT_EQ(values["maxwait"], "2");
  EXPECT_EQ(values["maxwait_us"], "500000");
  EXPECT_EQ(values["pool_mode"], "session");
}

// Exporters want a pair of database and user once.
TEST_F(Tables, databases_of_one_user_are_one_line) {
  op::PoolView other = house.pool_views.front();
  other.database = "zoo";
  other.oldest_wait = 3s;
  house.pool_views.push_back(other);
  const Table table = show("POOLS");
  ASSERT_EQ(table.rows.size(), 1U);
  EXPECT_EQ(line(table, 0)["sv_active"], "6");
  EXPECT_EQ(line(table, 0)["maxwait"], "3");
}

TEST_F(Tables, databases) {
  house.pool_views.front().paused = true;
  auto values = line(show("DATABASES"), 0);
  EXPECT_EQ(values["name"], "pets_pg");
  EXPECT_EQ(values["host"], "db");
  EXPECT_EQ(values["port"], "5432");
  EXPECT_EQ(values["database"], "pets");
  EXPECT_EQ(values["force_user"], "app");
  EXPECT_EQ(values["pool_size"], "15");
  EXPECT_EQ(values["reserve_pool_size"], "5");
  EXPECT_EQ(values["reserve_pool"], "5");
  EXPECT_EQ(values["server_lifetime"], "1800");
  EXPECT_EQ(values["current_connections"], "6");
  EXPECT_EQ(values["current_client_connections"], "12");
  EXPECT_EQ(values["paused"], "1");
  EXPECT_EQ(values["disabled"], "0");
}

TEST_F(Tables, schedules) {
  const Table table = show("SCHEDULES");
  EXPECT_THAT(names(table),
              ElementsAre("cron", "timezone", "action", "pool", "pool_size", "max_overflow",
                          "min_idle", "in_force", "last_run", "last_result", "next_run"));
  auto values = line(table, 0);
  EXPECT_EQ(values["cron"], "50 8 * * 1-5");
  EXPECT_EQ(values["pool_size"], "40");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(table.rows[0][5]));
  EXPECT_EQ(values["in_force"], "yes");
  EXPECT_EQ(values["last_run"], "");
  EXPECT_EQ(values["last_result"], "");
  EXPECT_EQ(values["next_run"], "2001-09-09 01:47:00 UTC");
  house.schedule_views[0].last_run = op::WallTime(1'000'000'020s);
  house.schedule_views[0].last_ok = false;
  values = line(show("SCHEDULES"), 0);
  EXPECT_EQ(values["last_run"], "2001-09-09 01:47:00 UTC");
  EXPECT_EQ(values["last_result"], "failed");
}

TEST_F(Tables, clients_and_servers) {
  auto client = line(show("CLIENTS"), 0);
  EXPECT_EQ(client["type"], "C");
  EXPECT_EQ(client["state"], "active");
  EXPECT_EQ(client["addr"], "10.1.2.3");
  EXPECT_EQ(client["port"], "5555");
  EXPECT_EQ(client["connect_time"], "2001-09-09 01:46:40 UTC");
  EXPECT_EQ(client["request_time"], "2001-09-09 01:47:30 UTC");
  EXPECT_EQ(client["wait"], "1");
  EXPECT_EQ(client["wait_us"], "500000");
  EXPECT_EQ(client["ptr"], "0x2a");
  EXPECT_EQ(client["link"], "0xff");
  EXPECT_EQ(client["id"], "42");
  auto server = line(show("SERVERS"), 0);
  EXPECT_EQ(server["type"], "S");
  EXPECT_EQ(server["addr"], "::1");
  EXPECT_EQ(server["port"], "5432");
  EXPECT_EQ(server["remote_pid"], "777");
  EXPECT_EQ(server["link"], client["ptr"]);
  EXPECT_EQ(server["ptr"], client["link"]);
}

TEST_F(Tables, sockets) {
  EXPECT_EQ(show("SOCKETS").rows.size(), 2U);
  EXPECT_EQ(line(show("SOCKETS"), 0)["state"], "cl_active");
  house.session_views.front().state = metrics::ClientState::idle;
  house.backend_views.front().state = op::BackendState::idle;
  EXPECT_THAT(show("ACTIVE_SOCKETS").rows, IsEmpty());
}

TEST_F(Tables, stats_are_microseconds_and_averages) {
  auto values = line(show("STATS"), 0);
  EXPECT_EQ(values["database"], "pets_pg");
  EXPECT_EQ(values["total_xact_count"], "10");
  EXPECT_EQ(values["total_query_count"], "20");
  EXPECT_EQ(values["total_requests"], "20");
  EXPECT_EQ(values["total_query_time"], "4000000");
  EXPECT_EQ(values["avg_query_count"], "2");
  EXPECT_EQ(values["avg_query_time"], "200000");
  EXPECT_EQ(values["avg_xact_time"], "500000");
  EXPECT_EQ(values["total_wait_time"], "1000000");
  EXPECT_EQ(values["avg_wait_time"], "250000");
  EXPECT_EQ(show("STATS_TOTALS").columns.size(), 13U);
  EXPECT_EQ(show("STATS_AVERAGES").columns.size(), 13U);
  EXPECT_EQ(show("TOTALS").rows.size(), 24U);
  house.status_view.uptime = 0s;  // the first second
  EXPECT_EQ(line(show("STATS"), 0)["avg_query_count"], "20");
}

TEST_F(Tables, nothing_to_show_is_no_failure) {
  test::ScriptedOperator empty;
  for (const Topic& topic : topics()) {
    EXPECT_FALSE(topic.make(empty).columns.empty()) << topic.name;
  }
}

TEST_F(Tables, configuration_is_flat) {
  house.config_text =
      "version: 1\n"
      "listeners:\n"
      "  - name: pg\n"
      "    bind: \":6432\"\n"
      "pools:\n"
      "  pets:\n"
      "    password: '********'\n"
      "routes:\n"
      "  - name: all\n"
      "    middleware:\n"
      "      - read_only: {}\n"
      "      - audit:\n"
      "          statements: none\n";
  std::map<std::string, std::string> options;
  for (const Row& row : show("CONFIG").rows) {
    options[std::get<std::string>(row[0])] = std::get<std::string>(row[1]);
  }
  EXPECT_EQ(options["max_client_conn"], "10000");
  EXPECT_EQ(options["version"], "1");
  EXPECT_EQ(options["listeners.pg.name"], "pg");
  EXPECT_EQ(options["listeners.pg.bind"], ":6432");
  EXPECT_EQ(options["pools.pets.password"], "'********'");
  EXPECT_EQ(options["routes.all.middleware.0.read_only"], "{}");
  EXPECT_EQ(options["routes.all.middleware.1.audit.statements"], "none");
}

// All that a reload leaves for a restart is told so, and nothing else.
TEST_F(Tables, options_that_need_a_restart_are_not_changeable) {
  config::Config before;
  before.pools.push_back(house.config_->pools.front());
  config::Config wanted = before;
  wanted.workers = before.workers + 1;
  wanted.io = before.io == config::Io::epoll ? config::Io::io_uring : config::Io::epoll;
  wanted.admin.http = config::Address{"127.0.0.1", 1, ""};
  wanted.admin.socket = "/other";
  wanted.admin.tls.mode = config::TlsMode::require;
  wanted.admin.dashboard = !before.admin.dashboard;
  wanted.drain.delay += 1s;
  house.config_text = config::describe(wanted);
  const std::vector<std::string> later = config::keep_until_restart(before, wanted);
  EXPECT_EQ(later.size(), 6U);
  std::map<std::string, std::string> changeable;
  for (const Row& row : show("CONFIG").rows) {
    changeable[std::get<std::string>(row[0])] = std::get<std::string>(row[3]);
  }
  for (const std::string& path : later) {
    EXPECT_EQ(changeable[path], "no") << path;
  }
  EXPECT_EQ(changeable["drain.delay"], "yes");
  EXPECT_EQ(changeable["admin.console_database"], "yes");
  EXPECT_EQ(changeable["pools.pets_pg.pool_size"], "yes");
}

TEST_F(Tables, ours) {
  auto session = line(show("SESSIONS"), 0);
  EXPECT_EQ(session["route"], "all");
  EXPECT_EQ(session["state"], "pinned");
  EXPECT_EQ(session["pins"], "listen, lock");
  EXPECT_EQ(session["wait_seconds"], "1.5");
  EXPECT_EQ(session["backend"], "255");
  EXPECT_EQ(show("PINS").rows.size(), 2U);
  EXPECT_EQ(line(show("PINS"), 0)["pin"], "listen");
  EXPECT_EQ(line(show("PINS"), 0)["sessions"], "1");
  EXPECT_EQ(line(show("ROUTES"), 0)["middleware"], "audit, read_only");
  EXPECT_EQ(show("MIDDLEWARE").rows.size(), 2U);
  EXPECT_EQ(line(show("MIDDLEWARE"), 1)["position"], "2");
  EXPECT_EQ(line(show("BACKENDS"), 0)["session"], "42");
  EXPECT_EQ(line(show("EVENTS"), 0)["by"], "ops");
  EXPECT_EQ(line(show("FINGERPRINTS"), 0)["text"], "select $1");
}

TEST_F(Tables, state_of_all_pools) {
  EXPECT_EQ(line(show("STATE"), 1)["value"], "no");
  house.pool_views.front().paused = true;
  EXPECT_EQ(line(show("STATE"), 0)["value"], "no");
  EXPECT_EQ(line(show("STATE"), 1)["value"], "yes");
}

TEST_F(Tables, state_has_pgbouncers_rows_first) {
  const Table table = show("STATE");
  std::vector<std::string> keys;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    keys.push_back(line(table, row)["key"]);
  }
  EXPECT_THAT(keys, ElementsAre("active", "paused", "suspended", "draining", "ready"));
}

TEST_F(Tables, lists_count_what_there_is_and_what_there_may_be) {
  op::PoolView& pool = house.pool_views.front();
  pool.pool_size = 15;
  pool.max_overflow = 5;
  pool.closing = 1;
  house.status_view.clients = 3;
  house.status_view.max_client_connections = 10;
  std::map<std::string, std::string> items;
  for (const Row& row : show("LISTS").rows) {
    items[std::get<std::string>(row[0])] = protocol::to_text(row[1], "", "");
  }
  EXPECT_EQ(items["databases"], "1");
  EXPECT_EQ(items["used_clients"], "3");
  EXPECT_EQ(items["free_clients"], "7");
  EXPECT_EQ(items["used_servers"], "7");
  EXPECT_EQ(items["free_servers"], "13");
  pool.max_overflow = -1;
  pool.pool_size = 4;
  EXPECT_EQ(protocol::to_text(show("LISTS").rows.at(8).at(1), "", ""), "0");
}

TEST_F(Tables, numbers_that_do_not_fit_are_the_largest) {
  house.pool_views.front().used = std::size_t{1} << 40U;
  EXPECT_EQ(line(show("POOLS"), 0)["sv_active"], "2147483647");
}

TEST(Endpoint, of_every_kind_of_address) {
  EXPECT_EQ(endpoint("10.0.0.1:5").host, "10.0.0.1");
  EXPECT_EQ(endpoint("[fe80::1]:5432").host, "fe80::1");
  EXPECT_EQ(endpoint("[fe80::1]:5432").port, 5432);
  EXPECT_EQ(endpoint("unix:/tmp/.s.PGSQL").port, 0);
  EXPECT_EQ(endpoint("").host, "");
}

}  // namespace
}  // namespace sluice::proxy::console
