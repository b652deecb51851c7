#include "proxy/explain/explain.hpp"

#include <gtest/gtest.h>

#include <string>

#include "config/load.hpp"
#include "config/middleware_table.hpp"

namespace sluice::proxy::explain {
namespace {

using Kind = protocol::Verdict::Kind;

constexpr auto kFrame = R"(
listeners:
  - {name: pg, protocol: postgresql, bind: ":1"}
  - {name: my, protocol: mysql, bind: ":2"}
pools:
  p: {url: "postgresql://app@h/pets"}
  slow: {url: "postgresql://app@h/pets"}
  m: {url: "mysql://h", unsupported_state: refuse}
)";

std::shared_ptr<const config::Config> config_of(const std::string& text) {
  const auto loaded = config::load_text(kFrame + text, "f", {.offline = true});
  for (const config::Problem& problem : loaded.problems) {
    EXPECT_TRUE(problem.warning) << config::to_string(problem);
  }
  return loaded.config;
}

Question asked_by(const std::string& user, const std::string& statement = "") {
  Question question;
  question.protocol = config::Protocol::postgresql;
  question.user = user;
  if (!statement.empty()) {
    question.statement = statement;
  }
  return question;
}

Explanation told(const std::string& text, const Question& question) {
  auto result = explain(config_of(text), question, {});
  EXPECT_TRUE(result.ok()) << (result ? "" : result.failure().text);
  return result ? std::move(*result) : Explanation{};
}

const Said* login_of(const Explanation& told, std::string_view name) {
  for (const EntryStory& story : told.entries) {
    if (config::name_of(story.entry->options) == name) {
      return story.login;
    }
  }
  return nullptr;
}

const Said* request_of(const Explanation& told, std::string_view name) {
  for (const EntryStory& story : told.entries) {
    if (config::name_of(story.entry->options) == name) {
      return story.request;
    }
  }
  return nullptr;
}

TEST(Explain, tells_why_each_earlier_route_is_not_taken) {
  Question question = asked_by("app");
  question.address = "10.1.2.3";
  question.application_name = "shop";
  question.attributes = {{"tz", "UTC"}};
  const Explanation out = told(R"(
routes:
  - {name: a, pool: m}
  - {name: b, pool: p, match: {user: "rep*"}}
  - {name: c, pool: p, match: {address: [192.0.2.0/24]}}
  - {name: d, pool: p, match: {attributes: {tz: "E*"}}}
  - {name: e, pool: p, match: {attributes: {zone: "E*"}}}
  - {name: f, pool: p, match: {tls_subject: "CN=app"}}
  - {name: g, pool: p, match: {application_name: shop, listener: pg, database: app}}
)",
                               question);
  ASSERT_NE(out.route, nullptr);
  EXPECT_EQ(out.route->config.name, "g");
  ASSERT_EQ(out.passed.size(), 6U);
  EXPECT_EQ(out.passed[0].why_not, "it is for clients of mysql");
  EXPECT_EQ(out.passed[1].why_not, "user \"app\" does not match \"rep*\"");
  EXPECT_EQ(out.passed[2].why_not, "address \"10.1.2.3\" is not within 192.0.2.0/24");
  EXPECT_EQ(out.passed[3].why_not, "attribute tz \"UTC\" does not match \"E*\"");
  EXPECT_EQ(out.passed[4].why_not, "attribute zone is not there, and must match \"E*\"");
  EXPECT_EQ(out.passed[5].why_not, "tls_subject is not there, and must match \"CN=app\"");
  EXPECT_EQ(out.database, "app") << "PostgreSQL's default is the user";
}

TEST(Explain, says_when_no_route_matches) {
  const Explanation out = told("routes: [{name: a, pool: p, match: {user: x}}]", asked_by("app"));
  EXPECT_EQ(out.route, nullptr);
  ASSERT_TRUE(out.refused.has_value());
  EXPECT_EQ(out.refused->kind, protocol::FailureKind::no_route);
}

TEST(Explain, a_login_that_is_refused_goes_no_further) {
  Question question = asked_by("app");
  question.address = "10.1.2.3";
  const Explanation out = told(R"(
middleware: [address_rules: {deny: [10.0.0.0/8]}, connection_limit: {total: 5}]
routes: [{name: a, pool: p}]
)",
                               question);
  ASSERT_TRUE(out.refused.has_value());
  EXPECT_EQ(out.refused->kind, protocol::FailureKind::address_refused);
  EXPECT_EQ(out.route, nullptr);
  ASSERT_NE(login_of(out, "address_rules"), nullptr);
  EXPECT_EQ(login_of(out, "address_rules")->verdict.kind, Kind::refuse);
  EXPECT_EQ(login_of(out, "connection_limit"), nullptr) << "not reached";
}

TEST(Explain, takes_a_token_for_good_with_the_claims_that_are_given) {
  const std::string text = R"(
middleware:
  - require_token:
      jwks_file: /nonexistent/keys
      claims: {scope: "r*"}
      expose: {sub: app.user, team: app.team}
routes:
  - {name: a, pool: p, match: {claims: {scope: read}}}
  - {name: b, pool: p, match: {claims: {scope: write}}}
)";
  Question question = asked_by("app");
  question.assumed.claims = {{"scope", "read"}, {"sub", "u1"}};
  const Explanation out = told(text, question);
  ASSERT_NE(out.route, nullptr);
  EXPECT_EQ(out.route->config.name, "a");
  const protocol::Parameters settings{{"app.user", "u1"}, {"app.team", "(the token's claim team)"}};
  EXPECT_EQ(out.defaults.settings, settings);
  EXPECT_EQ(out.defaults.fixed, (std::vector<std::string>{"app.user", "app.team"}));
  question.assumed.claims = {{"scope", "write"}};
  const Explanation refused = told(text, question);
  ASSERT_TRUE(refused.refused.has_value());
  EXPECT_EQ(refused.refused->kind, protocol::FailureKind::token_invalid);
}

TEST(Explain, checks_a_token_that_is_given) {
  const std::string text = R"(
middleware: [require_token: {tokens: "reports good-token-for-tests"}]
routes: [{name: a, pool: p, match: {claims: {sub: reports}}}, {name: b, pool: p}]
)";
  Question question = asked_by("app");
  question.assumed.token = "good-token-for-tests";
  EXPECT_EQ(told(text, question).route->config.name, "a");
  question.assumed.token = "another";
  const Explanation refused = told(text, question);
  ASSERT_NE(login_of(refused, "require_token"), nullptr);
  EXPECT_EQ(login_of(refused, "require_token")->verdict.reason,
            metrics::RefusalReason::token_unknown);
}

constexpr auto kStatements = R"(
middleware:
  - audit: {file: /nonexistent/audit.jsonl}
  - statement_timeout: {limit: 30s}
routes:
  - name: r
    pool: p
    timeouts: {query_timeout: 20s}
    init_sql: SET search_path = pets
    middleware:
      - statement_rules:
          - {deny: "^drop ", message: "ask first"}
          - {match: "from archive", timeout: 10s, pool: slow}
      - row_limit: {rows: 9}
      - tag: {values: {service: pets}}
    on_refuse: {sqlstate: 28ABC}
)";

TEST(Explain, a_statement_that_is_refused_by_whom_and_in_which_words) {
  const Explanation out = told(kStatements, asked_by("app", "DROP TABLE pets"));
  ASSERT_TRUE(out.statement && out.statement->refused);
  EXPECT_EQ(out.statement->refused->text, "ask first");
  EXPECT_EQ(out.statement->refused->sqlstate(), "28ABC");
  EXPECT_EQ(out.statement->digest.kind, protocol::sql::StatementKind::drop);
  ASSERT_NE(request_of(out, "statement_rules"), nullptr);
  EXPECT_EQ(request_of(out, "statement_rules")->verdict.reason, metrics::RefusalReason::rule);
  EXPECT_EQ(request_of(out, "tag"), nullptr) << "the chain stops at the first that refuses";
}

TEST(Explain, a_statement_that_goes_elsewhere_in_other_words) {
  const Explanation out = told(kStatements, asked_by("app", "SELECT 1 FROM archive.pets"));
  ASSERT_TRUE(out.statement.has_value());
  const StatementStory& story = *out.statement;
  EXPECT_FALSE(story.refused.has_value());
  EXPECT_EQ(story.pool, "slow");
  EXPECT_EQ(story.timeout, std::chrono::seconds(10)) << "the shortest of 30s, 20s and 10s";
  EXPECT_EQ(story.limits.rows, 9U);
  EXPECT_NE(story.text.find("service='pets'"), std::string::npos);
  EXPECT_EQ(request_of(out, "tag")->verdict.kind, Kind::rewrite);
  EXPECT_EQ(request_of(out, "statement_rules")->verdict.timeout, std::chrono::seconds(10));
  EXPECT_EQ(request_of(out, "row_limit")->verdict.timeout, Duration(0)) << "its own words alone";
  EXPECT_TRUE(story.pins.empty());
  EXPECT_EQ(out.defaults.settings, (protocol::Parameters{{"search_path", "pets"}}));
}

TEST(Explain, an_audit_writes_nothing) {
  const Explanation out = told(kStatements, asked_by("app", "SELECT 1"));
  EXPECT_EQ(out.entries.at(0).stand_in, "looks on; nothing was written");
  EXPECT_FALSE(out.refused.has_value());
}

TEST(Explain, what_a_statement_pins_or_leaves_to_be_carried) {
  const std::string routes = "routes: [{name: r, pool: p}, {name: s, pool: m}]";
  const Explanation set = told(routes, asked_by("app", "SET work_mem = '5MB'"));
  EXPECT_EQ(set.statement->carried, (protocol::sql::NamedValues{{"work_mem", "5MB"}}));
  EXPECT_TRUE(set.statement->pins.empty());
  const Explanation listen = told(routes, asked_by("app", "LISTEN news"));
  ASSERT_EQ(listen.statement->pins.size(), 1U);
  EXPECT_EQ(listen.statement->pins[0].label, "listen");
  Question mysql = asked_by("app", "SELECT GET_LOCK('a', 1)");
  mysql.protocol = config::Protocol::mysql;
  const Explanation refused = told(routes, mysql);
  ASSERT_TRUE(refused.statement && refused.statement->refused);
  EXPECT_EQ(refused.statement->refused->kind, protocol::FailureKind::unsupported_feature);
}

TEST(Explain, a_setting_of_a_claim_cannot_be_changed) {
  const Explanation out = told(R"(
middleware: [require_token: {tokens: x, expose: {sub: app.user}}]
routes: [{name: a, pool: p}]
)",
                               asked_by("app", "SET app.user = 'root'"));
  ASSERT_TRUE(out.statement && out.statement->refused);
  EXPECT_EQ(out.statement->refused->kind, protocol::FailureKind::statement_refused);
}

TEST(Explain, a_question_that_does_not_fit_is_told) {
  const auto config = config_of("routes: [{name: a, pool: p}]");
  Question question;
  question.user = "app";
  const auto text_of = [&] {
    auto out = explain(config, question, {});
    return out ? std::string("fits") : out.failure().text;
  };
  EXPECT_EQ(text_of(),
            "there are listeners of both protocols: say which with --protocol or --listener");
  question.listener = "gp";
  EXPECT_EQ(text_of(), "there is no listener \"gp\"; did you mean \"pg\"?");
  question.listener = "my";
  question.protocol = config::Protocol::postgresql;
  EXPECT_EQ(text_of(), "the listener \"my\" speaks mysql");
}

}  // namespace
}  // namespace sluice::proxy::explain
