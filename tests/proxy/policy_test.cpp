#include "proxy/policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "tests/proxy/middleware/scripted.hpp"

namespace sluice::proxy {
namespace {

using config::Protocol;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::Pair;

struct PolicyTest : testing::Test {
  PolicyTest() {
    config->pools.resize(2);
    config->pools[0].name = "pets";
    config->pools[1].name = "old";
    add_route("reports").match.user = "report_*";
    add_route("rest");
  }
  config::Route& add_route(std::string name) {
    config::Route& route = config->routes.emplace_back();
    route.name = std::move(name);
    route.pool = "pets";
    return route;
  }
  // Middleware that does nothing, by the name "a".
  protocol::Result<std::shared_ptr<Policy>> try_to_make(const Policy* previous = nullptr) {
    return Policy::make(
        config, registry, 2,
        [this](const config::MiddlewareOptions&) -> middleware::Made {
          middleware::Script script{"a"};
          script.wants = wants;
          return middleware::scripted(script, diary);
        },
        previous);
  }
  std::shared_ptr<Policy> make(const Policy* previous = nullptr) {
    auto made = try_to_make(previous);
    EXPECT_TRUE(made);
    return *made;
  }
  std::string route_of(const Policy& policy, std::string_view user) {
    Candidate candidate;
    candidate.user = user;
    const Policy::Route* found = policy.find(candidate);
    return found != nullptr ? found->config.name : "-";
  }

  std::shared_ptr<config::Config> config = std::make_shared<config::Config>();
  metrics::Registry registry{"test"};
  middleware::Diary diary;
  middleware::Wants wants;
};

TEST_F(PolicyTest, TheFirstRouteThatMatchesWins) {
  const auto policy = make();
  EXPECT_EQ(route_of(*policy, "report_1"), "reports");
  EXPECT_EQ(route_of(*policy, "app"), "rest");
  config->routes.pop_back();
  EXPECT_EQ(route_of(*make(), "app"), "-");
  config->routes.clear();
  EXPECT_EQ(route_of(*make(), "app"), "-");
}

TEST_F(PolicyTest, ARouteStartsWithWhatItHasBeforeWhatItsPoolHas) {
  config::Pool& pool = config->pools[0];
  pool.isolation_level = "READ COMMITTED";
  pool.read_only = true;
  config::Route& route = config->routes[0];
  route.isolation_level = "SERIALIZABLE";
  route.read_only = false;
  route.init_sql = "SET search_path = pets, public; SET app.tenant TO 'seven'";
  const auto policy = make();
  const auto& first = *policy->routes()[0]->defaults;
  EXPECT_EQ(first.isolation_level, "SERIALIZABLE");
  EXPECT_FALSE(first.read_only);
  ASSERT_EQ(first.settings.size(), 2U);
  EXPECT_THAT(first.settings[1], Pair("app.tenant", "seven"));
  const auto& second = *policy->routes()[1]->defaults;
  EXPECT_EQ(second.isolation_level, "READ COMMITTED");
  EXPECT_TRUE(second.read_only);
  EXPECT_TRUE(second.settings.empty());
}

TEST_F(PolicyTest, AutocommitAsAnIsolationLevelIsNone) {
  config->pools[0].isolation_level = "AUTOCOMMIT";
  auto defaults = session_defaults(*config, {}, config->pools[0]);
  ASSERT_TRUE(defaults);
  EXPECT_EQ(defaults->isolation_level, "");
  EXPECT_FALSE(defaults->autocommit);
  config->pools[0].protocol = Protocol::mysql;
  defaults = session_defaults(*config, {}, config->pools[0]);
  EXPECT_EQ(defaults->isolation_level, "");
  EXPECT_EQ(defaults->autocommit, true);
}

TEST_F(PolicyTest, AutocommitIsTheRoutesOrThePools) {
  config->pools[0].protocol = Protocol::mysql;
  config->pools[0].autocommit = true;
  config::Route route;
  EXPECT_EQ(session_defaults(*config, route, config->pools[0])->autocommit, true);
  route.autocommit = false;
  EXPECT_EQ(session_defaults(*config, route, config->pools[0])->autocommit, false);
  config->pools[0].pool_mode = config::PoolMode::statement;
  EXPECT_EQ(session_defaults(*config, route, config->pools[0])->autocommit, true);
}

TEST_F(PolicyTest, InitSqlOfARouteMustBeSettings) {
  config->routes[0].init_sql = "SET a = 1; CREATE TEMP TABLE t (i int)";
  auto policy = try_to_make();
  ASSERT_FALSE(policy);
  EXPECT_NE(policy.failure().text.find("route reports: init_sql"), std::string::npos);
}

TEST_F(PolicyTest, LimitsOfARouteStandBeforeThoseOfAll) {
  config->limits.query_timeout = milliseconds(5000);
  config->limits.client_idle_timeout = milliseconds(60000);
  config->routes[0].timeouts.query_timeout = milliseconds(0);
  config->routes[0].timeouts.transaction_timeout = milliseconds(900);
  const auto policy = make();
  const config::Limits& limits = policy->routes()[0]->limits;
  EXPECT_EQ(limits.query_timeout, milliseconds(0));
  EXPECT_EQ(limits.transaction_timeout, milliseconds(900));
  EXPECT_EQ(limits.client_idle_timeout, milliseconds(60000));
  EXPECT_EQ(policy->routes()[1]->limits.query_timeout, milliseconds(5000));
  EXPECT_EQ(policy->sweep_interval(), milliseconds(90)) << "a tenth of the shortest";
}

TEST_F(PolicyTest, SessionsAreLookedAtForWhatMiddlewareWants) {
  EXPECT_EQ(make()->sweep_interval(), Duration::zero());
  config->middleware = {{config::StatementTimeout{milliseconds(3000)}, {}}};
  EXPECT_EQ(make()->sweep_interval(), milliseconds(300));
  config::StatementRules rules;
  rules.rules.resize(2);
  rules.rules[1].timeout = milliseconds(2000);
  config->routes[0].middleware = {{rules, {}}};
  EXPECT_EQ(make()->sweep_interval(), milliseconds(200));
  config->middleware.clear();
  config->routes[0].middleware = {{config::Tag{}, {}}};
  wants.tick = true;
  EXPECT_EQ(make()->sweep_interval(), milliseconds(250));
}

TEST_F(PolicyTest, NamesOfTokensAreForSluiceAlone) {
  config::RequireToken token;
  token.parameter = "x_token";
  config->middleware = {{token, {}}};
  config->routes[1].middleware = {{config::RequireToken{}, {}}};
  EXPECT_THAT(make()->attribute_names(), ElementsAre("traceparent", "x_token", "sluice.token"));
}

TEST_F(PolicyTest, WithoutMiddlewareThereIsNone) {
  EXPECT_FALSE(make()->has_middleware());
  config->routes[1].middleware = {{config::Tag{}, {}}};
  const auto policy = make();
  EXPECT_TRUE(policy->has_middleware());
  EXPECT_TRUE(policy->chain().empty());
  EXPECT_EQ(policy->routes()[1]->chain.size(), 1U);
  EXPECT_EQ(policy->routes()[1]->chain[0].instruments.size(), 2U) << "one for each worker";
}

TEST_F(PolicyTest, MiddlewareThatCannotBeMadeSaysWhere) {
  config->routes[0].middleware = {{config::Tag{}, {7, 3}}};
  const auto policy =
      Policy::make(config, registry, 1, [](const config::MiddlewareOptions&) -> middleware::Made {
        return protocol::fail(protocol::FailureKind::internal, "no");
      });
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.failure().text, "route reports: middleware tag (line 7): no");
}

TEST_F(PolicyTest, UnchangedEntriesOfAChainAreTakenOverWithWhatTheyHaveCounted) {
  const config::Middleware five{config::RowLimit{5}, {}};
  const config::Middleware token{config::RequireToken{}, {}};
  config->middleware = {five};
  config->routes[0].middleware = {five, token, five};
  const auto first = make();
  config = std::make_shared<config::Config>(*config);
  config->routes[0].middleware = {five, {config::RowLimit{6}, {}}, token, five};
  const auto second = make(first.get());
  EXPECT_EQ(second->chain()[0].middleware, first->chain()[0].middleware);
  const middleware::Entries& before = first->routes()[0]->chain;
  const middleware::Entries& after = second->routes()[0]->chain;
  EXPECT_EQ(after[0].middleware, before[0].middleware);
  EXPECT_EQ(after[0].instruments, before[0].instruments);
  EXPECT_EQ(after[3].middleware, before[2].middleware) << "each once";
  EXPECT_NE(after[2].middleware, before[1].middleware) << "its keys may be others";
}

}  // namespace
}  // namespace sluice::proxy
