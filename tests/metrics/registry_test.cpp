#include "metrics/registry.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include "metrics/labels.hpp"
#include "metrics/text.hpp"
#include "pool/pool.hpp"

namespace sluice::metrics {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// The lines of a scrape that begin with `name`, with their newlines.
std::string lines_of(const Registry& registry, const std::string& name) {
  std::istringstream all(registry.render());
  std::string found;
  for (std::string line; std::getline(all, line);) {
    if (line.rfind(name, 0) == 0) {
      found += line + "\n";
    }
  }
  return found;
}

void count_everything(MiddlewareInstruments& of) {
  of.refusals(RefusalReason::rule).add();
  of.delay.observe(milliseconds(1));
  for (Counter* one : {&of.reports, &of.ended, &of.cut, &of.dropped, &of.lost}) {
    one->add();
  }
}

TEST(Registry, SumsTheWorkersOfAPoolAndKeepsPoolsApart) {
  Registry registry("1.2.3");
  PoolInstruments& first = registry.add_pool("pets");
  PoolInstruments& second = registry.add_pool("pets");
  PoolInstruments& other = registry.add_pool("logs");
  first.acquires(Acquire::reused).add(5);
  second.acquires(Acquire::reused).add(2);
  second.acquires(Acquire::timeout).add();
  other.transactions.add(9);

  EXPECT_EQ(lines_of(registry, "sluice_pool_acquires_total"),
            "sluice_pool_acquires_total{pool=\"pets\",result=\"reused\"} 7\n"
            "sluice_pool_acquires_total{pool=\"pets\",result=\"opened\"} 0\n"
            "sluice_pool_acquires_total{pool=\"pets\",result=\"waited\"} 0\n"
            "sluice_pool_acquires_total{pool=\"pets\",result=\"timeout\"} 1\n"
            "sluice_pool_acquires_total{pool=\"pets\",result=\"failed\"} 0\n"
            "sluice_pool_acquires_total{pool=\"logs\",result=\"reused\"} 0\n"
            "sluice_pool_acquires_total{pool=\"logs\",result=\"opened\"} 0\n"
            "sluice_pool_acquires_total{pool=\"logs\",result=\"waited\"} 0\n"
            "sluice_pool_acquires_total{pool=\"logs\",result=\"timeout\"} 0\n"
            "sluice_pool_acquires_total{pool=\"logs\",result=\"failed\"} 0\n");
  EXPECT_EQ(lines_of(registry, "sluice_transactions_total"),
            "sluice_transactions_total{pool=\"pets\"} 0\n"
            "sluice_transactions_total{pool=\"logs\"} 9\n");
}

TEST(Registry, RendersTheExactTextOfAHistogram) {
  Registry registry("1.2.3");
  PoolInstruments& pool = registry.add_pool("pets");
  pool.wait.observe(microseconds(100));
  pool.wait.observe(milliseconds(3));
  pool.wait.observe(std::chrono::seconds(31));

  EXPECT_EQ(lines_of(registry, "sluice_pool_wait_seconds"),
            "sluice_pool_wait_seconds_count{pool=\"pets\"} 3\n"
            "sluice_pool_wait_seconds_sum{pool=\"pets\"} 31.0031\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"0.0001\"} 1\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"0.00025\"} 1\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"0.0005\"} 1\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"0.001\"} 1\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"0.0025\"} 1\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"0.005\"} 2\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"0.01\"} 2\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"0.025\"} 2\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"0.05\"} 2\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"0.1\"} 2\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"0.25\"} 2\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"0.5\"} 2\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"1\"} 2\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"2.5\"} 2\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"5\"} 2\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"10\"} 2\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"30\"} 2\n"
            "sluice_pool_wait_seconds_bucket{pool=\"pets\",le=\"+Inf\"} 3\n");
}

// What the library's own writer says, which is slow, as one text.
TEST(Registry, WritesWhatTheLibraryWouldWrite) {
  Registry registry("1.2.3 \"quoted\" back\\slash\nline");
  PoolInstruments& pool = registry.add_pool("a \"pool\"\\ of\nmine");
  pool.wait.observe(milliseconds(3));
  pool.transactions.add(123456789);
  registry.add_worker().loop_lag.observe(milliseconds(1));
  registry.sample_pool("pets", [] { return PoolSample{.used = -1}; });
  std::vector<prometheus::MetricFamily> families = registry.Collect();
  std::erase_if(families, [](const auto& one) { return one.name.starts_with("process_"); });
  std::ostringstream library;
  prometheus::TextSerializer().Serialize(library, families);
  EXPECT_EQ(text_of(families), library.str());
}

TEST(Registry, GridsOfTwoLabelsNameThemInOrder) {
  Registry registry("1.2.3");
  registry.add_worker().bytes(Side::backend, Direction::received).add(70);
  registry.add_worker().bytes(Side::client, Direction::sent).add(8);
  ListenerInstruments& listener = registry.add_listener("pg");
  listener.logins(login_method("scram-sha-256"), Outcome::ok).add(3);
  listener.logins(login_method("no-such-method"), Outcome::failed).add();

  EXPECT_EQ(lines_of(registry, "sluice_bytes_total"),
            "sluice_bytes_total{side=\"client\",direction=\"received\"} 0\n"
            "sluice_bytes_total{side=\"client\",direction=\"sent\"} 8\n"
            "sluice_bytes_total{side=\"backend\",direction=\"received\"} 70\n"
            "sluice_bytes_total{side=\"backend\",direction=\"sent\"} 0\n");
  EXPECT_EQ(lines_of(registry, "sluice_logins_total"),
            "sluice_logins_total{listener=\"pg\",method=\"scram-sha-256\",result=\"ok\"} 3\n"
            "sluice_logins_total{listener=\"pg\",method=\"other\",result=\"failed\"} 1\n");
}

TEST(Registry, UnlikelyReasonsAppearOnceTheyHaveCounted) {
  Registry registry("1.2.3");
  ListenerInstruments& listener = registry.add_listener("pg");
  EXPECT_EQ(lines_of(registry, "sluice_auth_failures_total"),
            "sluice_auth_failures_total{listener=\"pg\",reason=\"authentication_failed\"} 0\n"
            "sluice_auth_failures_total{listener=\"pg\",reason=\"login_timeout\"} 0\n");
  listener.auth_failures(FailureKind::tls_required).add();
  EXPECT_NE(lines_of(registry, "sluice_auth_failures_total").find("tls_required\"} 1\n"),
            std::string::npos);
}

TEST(Registry, ClientPresenceIsInExactlyOneState) {
  Registry registry("1.2.3");
  ListenerInstruments& listener = registry.add_listener("my");
  {
    ClientPresence one(listener);
    ClientPresence two(listener);
    one.become(ClientState::idle);
    one.become(ClientState::pinned);
    EXPECT_EQ(lines_of(registry, "sluice_client_connections{"),
              "sluice_client_connections{listener=\"my\",state=\"login\"} 1\n"
              "sluice_client_connections{listener=\"my\",state=\"idle\"} 0\n"
              "sluice_client_connections{listener=\"my\",state=\"active\"} 0\n"
              "sluice_client_connections{listener=\"my\",state=\"waiting\"} 0\n"
              "sluice_client_connections{listener=\"my\",state=\"pinned\"} 1\n");
  }
  EXPECT_EQ(listener.connections(ClientState::login).value(), 0);
  EXPECT_EQ(listener.connections(ClientState::pinned).value(), 0);
  EXPECT_EQ(listener.connections_total.value(), 2U);
}

TEST(Registry, AClientIsCountedInThePoolOfItsRoute) {
  Registry registry("1.2.3");
  PoolInstruments& pets = registry.add_pool("pets");
  PoolInstruments& logs = registry.add_pool("logs");
  ClientPresence one(registry.add_listener("pg"));
  EXPECT_EQ(pets.clients(ClientState::login).value(), 0);
  one.join(pets);
  one.become(ClientState::active);
  EXPECT_EQ(pets.clients(ClientState::login).value(), 0);
  EXPECT_EQ(pets.clients(ClientState::active).value(), 1);
  one.join(logs);  // it has become another user
  EXPECT_EQ(pets.clients(ClientState::active).value(), 0);
  EXPECT_EQ(lines_of(registry, "sluice_pool_clients{pool=\"logs\",state=\"active\"}"),
            "sluice_pool_clients{pool=\"logs\",state=\"active\"} 1\n");
}

TEST(Registry, StakesAddUpWhereverTheyWereTold) {
  Registry registry("1.2.3");
  Gauge& here = registry.add_pool("pets").prepared(Side::backend);
  Gauge& there = registry.add_pool("pets").prepared(Side::backend);
  Stake stake;
  stake.become(here, 5);
  stake.become(there, 3);
  EXPECT_EQ(lines_of(registry, "sluice_prepared_statements{pool=\"pets\",side=\"backend\"}"),
            "sluice_prepared_statements{pool=\"pets\",side=\"backend\"} 3\n");
  stake.become(there, 0);
  EXPECT_EQ(here.value() + there.value(), 0);
}

TEST(Registry, NamesBeyondTheCapAreCountedTogether) {
  Registry registry("1.2.3");
  for (std::size_t at = 0; at < kMaxNames; ++at) {
    registry.add_pool("pool-" + std::to_string(at));
  }
  registry.add_pool("pool-7").transactions.add(1);
  registry.add_pool("one too many").transactions.add(2);
  registry.add_pool("and another").transactions.add(3);
  registry.sample_pool("one too many", [] { return PoolSample{.idle = 4}; });
  const std::string counted = lines_of(registry, "sluice_transactions_total");
  EXPECT_NE(counted.find("{pool=\"pool-7\"} 1\n"), std::string::npos);
  EXPECT_NE(counted.find("{pool=\"other\"} 5\n"), std::string::npos);
  EXPECT_EQ(counted.find("too many"), std::string::npos);
  EXPECT_EQ(lines_of(registry, "sluice_pool_connections{pool=\"other\",state=\"idle\"}"),
            "sluice_pool_connections{pool=\"other\",state=\"idle\"} 4\n");
}

TEST(Registry, SaysHowFarTheWorstWorkerIsBehind) {
  Registry registry("1.2.3");
  const auto in = [](std::chrono::nanoseconds from_now) {
    return (std::chrono::steady_clock::now().time_since_epoch() + from_now).count();
  };
  registry.add_worker();  // does not run
  registry.add_worker().heartbeat_due.set(in(std::chrono::seconds(60)));
  EXPECT_EQ(lines_of(registry, "sluice_loop_behind_seconds"), "sluice_loop_behind_seconds 0\n");
  registry.add_worker().heartbeat_due.set(in(-std::chrono::seconds(60)));
  EXPECT_NE(lines_of(registry, "sluice_loop_behind_seconds 60."), "");
}

TEST(Registry, AddsUpTheSamplesOfOneNameAndForgetsThoseThatAreGone) {
  Registry registry("1.2.3");
  PoolSample sample{.idle = 2, .used = 3, .size = 10, .overflow_max = 5, .pending = 1};
  sample.oldest_wait = milliseconds(1500);
  int asked = 0;
  registry.sample_pool("pets", [&] { return sample; });
  registry.sample_pool("pets", [&]() -> std::optional<PoolSample> {
    return ++asked == 1 ? std::optional(PoolSample{.used = 4, .backend_up = false}) : std::nullopt;
  });

  EXPECT_EQ(lines_of(registry, "sluice_pool_connections{"),
            "sluice_pool_connections{pool=\"pets\",state=\"idle\"} 2\n"
            "sluice_pool_connections{pool=\"pets\",state=\"used\"} 7\n"
            "sluice_pool_connections{pool=\"pets\",state=\"validating\"} 0\n"
            "sluice_pool_connections{pool=\"pets\",state=\"resetting\"} 0\n"
            "sluice_pool_connections{pool=\"pets\",state=\"connecting\"} 0\n"
            "sluice_pool_connections{pool=\"pets\",state=\"closing\"} 0\n");
  EXPECT_EQ(lines_of(registry, "sluice_pool_oldest_wait_seconds"),
            "sluice_pool_oldest_wait_seconds{pool=\"pets\"} 1.5\n");
  EXPECT_EQ(lines_of(registry, "sluice_pool_connections_max"),
            "sluice_pool_connections_max{pool=\"pets\"} 10\n");
  EXPECT_EQ(lines_of(registry, "sluice_pool_paused"), "sluice_pool_paused{pool=\"pets\"} 0\n");
  EXPECT_EQ(lines_of(registry, "sluice_backend_up"), "");
  EXPECT_EQ(asked, 2);
}

TEST(Registry, KeepsEntriesOfChainsApartByRouteAndName) {
  Registry registry("1.2.3");
  registry.add_middleware("", "audit").lost.add();
  registry.add_middleware("reports", "audit").lost.add(2);
  registry.add_middleware("reports", "audit").lost.add(3);
  registry.add_middleware("reports", "tag");
  registry.add_route("reports").read_uncommitted.add(4);
  EXPECT_EQ(lines_of(registry, "sluice_middleware_lost_total"),
            "sluice_middleware_lost_total{route=\"\",middleware=\"audit\"} 1\n"
            "sluice_middleware_lost_total{route=\"reports\",middleware=\"audit\"} 5\n");
  EXPECT_EQ(lines_of(registry, "sluice_read_uncommitted_sessions_total"),
            "sluice_read_uncommitted_sessions_total{route=\"reports\"} 4\n");
}

TEST(Registry, ShowsTheStateOfTheProcess) {
  Registry registry("1.2.3");
  EXPECT_NE(lines_of(registry, "sluice_build_info{version=\"1.2.3\",compiler=\""), "");
  EXPECT_EQ(lines_of(registry, "sluice_draining"), "sluice_draining 0\n");
  registry.set_draining(true);
  registry.note_reload(Outcome::ok);
  registry.note_reload(Outcome::failed);
  EXPECT_EQ(lines_of(registry, "sluice_draining"), "sluice_draining 1\n");
  EXPECT_EQ(lines_of(registry, "sluice_config_last_reload_successful"),
            "sluice_config_last_reload_successful 0\n");
  EXPECT_EQ(lines_of(registry, "sluice_config_reloads_total"),
            "sluice_config_reloads_total{result=\"ok\"} 1\n"
            "sluice_config_reloads_total{result=\"failed\"} 1\n");
  EXPECT_EQ(lines_of(registry, "sluice_tls_certificate_not_after_timestamp_seconds"), "");
  registry.set_certificates({{"/certs/tls.crt", 5}});
  EXPECT_EQ(lines_of(registry, "sluice_tls_certificate_not_after_timestamp_seconds"),
            "sluice_tls_certificate_not_after_timestamp_seconds{file=\"/certs/tls.crt\"} 5\n");
  const ProcessSample process = sample_process();
  EXPECT_GT(process.resident_bytes, 100'000U);
  EXPECT_LT(process.resident_bytes, process.virtual_bytes);
  EXPECT_GT(process.start_time_seconds, 1.5e9);
  EXPECT_GE(process.open_fds, 3U);
  EXPECT_GE(process.threads, 1U);
}

TEST(Registry, SchedulesOfOnePoolAndActionAreOne) {
  Registry registry("test");
  const std::string runs = "sluice_schedule_runs_total";
  const std::string next = "sluice_schedule_next_run_timestamp_seconds";
  EXPECT_EQ(lines_of(registry, runs), "");
  registry.set_schedules({{"a", "resize", 30}, {"a", "resize", 20}, {"a", "pause", std::nullopt}});
  registry.note_schedule("a", "resize", Outcome::ok);
  registry.note_schedule("a", "kill", Outcome::ok);  // there is none
  EXPECT_EQ(lines_of(registry, next), next + "{pool=\"a\",action=\"resize\"} 20\n");
  registry.set_schedules({{"b", "pause", 40}, {"a", "resize", 50}});
  EXPECT_EQ(lines_of(registry, next), next + "{pool=\"b\",action=\"pause\"} 40\n" + next +
                                          "{pool=\"a\",action=\"resize\"} 50\n");
  EXPECT_EQ(lines_of(registry, runs),
            runs + "{pool=\"b\",action=\"pause\",result=\"ok\"} 0\n" + runs +
                "{pool=\"b\",action=\"pause\",result=\"failed\"} 0\n" + runs +
                "{pool=\"a\",action=\"resize\",result=\"ok\"} 1\n" + runs +
                "{pool=\"a\",action=\"resize\",result=\"failed\"} 0\n");
}

TEST(Registry, ASetThatIsGivenBackGoesToTheNextWithWhatItHasCounted) {
  Registry registry("test");
  auto first = registry.lend_route("reports");
  auto second = registry.lend_route("reports");
  first->sessions.add(2);
  second->sessions.add(3);
  RouteInstruments* const set = first.get();
  first.reset();
  EXPECT_EQ(lines_of(registry, "sluice_route_sessions_total"),
            "sluice_route_sessions_total{route=\"reports\"} 5\n");
  first = registry.lend_route("reports");
  EXPECT_EQ(first.get(), set);
}

TEST(Registry, ANameOfWhichNothingIsLentIsGone) {
  Registry registry("test");
  auto other = registry.lend_route("rest");
  auto route = registry.lend_route("reports");
  route.reset();
  EXPECT_EQ(lines_of(registry, "sluice_route_sessions_total"),
            "sluice_route_sessions_total{route=\"rest\"} 0\n");
  EXPECT_EQ(registry.lend_route("reports")->sessions.value(), 0U);
}

TEST(Registry, RendersHelpAndTypeOfEveryRowOnce) {
  Registry registry("1.2.3");
  registry.add_worker();
  registry.add_pool("pets");
  registry.add_listener("pg").logins(LoginMethod::trust, Outcome::ok).add();
  registry.sample_pool("pets", [] { return PoolSample{.backend_up = true}; });
  registry.add_route("all");
  registry.set_certificates({{"tls.crt", 1e9}});
  registry.set_schedules({{"pets", "resize", 1e9}});
  count_everything(registry.add_middleware("all", "audit"));
  const std::string text = registry.render();
  std::set<std::string_view> names;
  for (const Row& row : rows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    const std::string type = row.type == prometheus::MetricType::Counter ? " counter\n"
                             : row.type == prometheus::MetricType::Gauge ? " gauge\n"
                                                                         : " histogram\n";
    const std::string name(row.name);
    EXPECT_NE(text.find("# HELP " + name + " " + std::string(row.help) + "\n# TYPE " + name + type),
              std::string::npos)
        << name;
    EXPECT_EQ(row.type == prometheus::MetricType::Counter, name.ends_with("_total")) << name;
  }
}

// The enum lives in the layer above; what this layer knows of it must not fall behind.
TEST(Labels, CloseReasonsAreThoseOfThePool) {
  ASSERT_EQ(kValuesOf<pool::CloseReason>, static_cast<std::size_t>(pool::CloseReason::count_));
  for (std::size_t at = 0; at < kValuesOf<pool::CloseReason>; ++at) {
    const auto reason = static_cast<pool::CloseReason>(at);
    EXPECT_EQ(label_of(reason), pool::close_reason_label(reason));
  }
}

TEST(Document, MetricsPageIsWhatTheTableSays) {
  const std::string path = SLUICE_SOURCE_DIR "/docs/metrics.md";
  if (std::getenv("SLUICE_WRITE_DOCS") != nullptr) {
    std::ofstream(path) << document();
  }
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(text, document()) << "run test_metrics with SLUICE_WRITE_DOCS=1";
}

}  // namespace
}  // namespace sluice::metrics
