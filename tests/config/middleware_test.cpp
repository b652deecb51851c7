// Chains of middleware in the file: how entries are written, and options that make no sense. In
// `where`, "@" is the line of the row's first line.

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include "config/describe.hpp"
#include "config/middleware_table.hpp"
#include "tests/config/support.hpp"

namespace sluice::config::test {
namespace {

using std::chrono::milliseconds;
using Lines = std::vector<std::string>;

Loaded load_chain(const std::string& entries) {
  return load(sample(Part::top, "middleware:\n" + entries).text, true);
}

template <typename T>
T only(const std::string& entry) {
  const auto loaded = load_chain(entry);
  EXPECT_NE(loaded.config, nullptr) << entry << to_string(loaded.problems.at(0));
  if (loaded.config == nullptr || loaded.config->middleware.size() != 1) {
    return {};
  }
  return std::get<T>(loaded.config->middleware[0].options);
}

std::string indented(std::string_view text) {
  std::string out = "  ";
  for (const char c : text) {
    out += c;
    out += c == '\n' ? "  " : "";
  }
  return out;
}

TEST(Chain, every_example_of_the_table_loads_as_what_it_names) {
  for (std::size_t i = 0; i < kMiddlewareCount; ++i) {
    const MiddlewareRow& row = middleware_rows().at(i);
    const auto loaded = load_chain(indented(row.example));
    ASSERT_NE(loaded.config, nullptr) << row.example << to_string(loaded.problems.at(0));
    EXPECT_TRUE(loaded.problems.empty()) << to_string(loaded.problems.at(0));
    ASSERT_EQ(loaded.config->middleware.size(), 1U);
    EXPECT_EQ(name_of(loaded.config->middleware[0].options), row.name);
    EXPECT_EQ(loaded.config->middleware[0].options.index(), i);
  }
}

TEST(Chain, an_entry_is_a_name_or_a_name_with_options) {
  const auto loaded = load_chain("  - read_only\n  - read_only:\n  - read_only: {}\n  - tag\n");
  ASSERT_NE(loaded.config, nullptr) << to_string(loaded.problems.at(0));
  ASSERT_EQ(loaded.config->middleware.size(), 4U);
  EXPECT_TRUE(std::holds_alternative<ReadOnly>(loaded.config->middleware[2].options));
  EXPECT_TRUE(std::holds_alternative<Tag>(loaded.config->middleware[3].options));
  EXPECT_EQ(loaded.config->middleware[3].mark.column, 5);
}

TEST(Chain, options_fill_their_members) {
  const auto rate = only<RateLimit>(
      "  - rate_limit: {requests_per_second: 0.5, burst: 7, on_excess: refuse, per: address}");
  EXPECT_EQ(rate.requests_per_second, 0.5);
  EXPECT_EQ(rate.burst, 7U);
  EXPECT_EQ(rate.on_excess, OnExcess::refuse);
  EXPECT_EQ(rate.per, RateScope::address);
  const auto token = only<RequireToken>(
      "  - require_token: {parameter: tok, hmac_sha256_secret: test-only-test-only-test-only-32, "
      "audience: a, issuer: i, leeway: 5s, claims: {scope: \"r*\"}, expose: {sub: app.user}}");
  EXPECT_EQ(token.parameter, "tok");
  EXPECT_EQ(token.leeway, milliseconds(5000));
  EXPECT_EQ(token.claims, (TextPairs{{"scope", "r*"}}));
  EXPECT_EQ(token.expose, (TextPairs{{"sub", "app.user"}}));
  const auto rules = only<StatementRules>(
      "  - statement_rules:\n      - {deny: \"drop|grant\", message: m}\n"
      "      - {match: x, timeout: 5s, pool: p}\n");
  ASSERT_EQ(rules.rules.size(), 2U);
  EXPECT_EQ(rules.rules[0].deny, "drop|grant");
  EXPECT_EQ(rules.rules[1].pool, "p");
  const auto settings = only<SessionSettings>("  - settings: {search_path: '', app.x: on}");
  EXPECT_EQ(settings.values, (TextPairs{{"search_path", ""}, {"app.x", "on"}}));
  const auto audit =
      only<Audit>("  - audit: {file: /x, statements: text, max_size: 1MiB, keep: 0}");
  EXPECT_EQ(audit.statements, AuditStatements::text);
  EXPECT_EQ(audit.max_size, 1048576U);
  EXPECT_EQ(only<RowLimit>("  - row_limit: {rows: 5}").rows, 5U);
  EXPECT_EQ(only<SnapshotAge>("  - snapshot_age: {action: end}").action, OnReport::end);
  EXPECT_EQ(only<AddressRules>("  - address_rules: {deny: [\"::/0\"]}").deny, Lines{"::/0"});
}

TEST(Chain, describes_itself_in_words_that_load_again) {
  std::string entries;
  for (const MiddlewareRow& row : middleware_rows()) {
    entries += indented(row.example) + "\n";
  }
  const auto loaded = load_chain(entries);
  ASSERT_NE(loaded.config, nullptr) << to_string(loaded.problems.at(0));
  const std::string text = describe(*loaded.config);
  const auto again = load(text, true);
  ASSERT_NE(again.config, nullptr) << text << to_string(again.problems.at(0));
  EXPECT_EQ(describe(*again.config), text);
  for (const Problem& problem : again.problems) {
    EXPECT_TRUE(problem.text.starts_with("pools.")) << to_string(problem);
  }
  EXPECT_EQ(again.config->middleware.size(), kMiddlewareCount);
}

TEST(Chain, secrets_are_masked) {
  const auto loaded = load_chain(
      "  - require_token: {tokens: hush-hush}\n  - require_token: {hmac_sha256_secret: "
      "hush-hush-hush-hush-hush-hush-hush}\n");
  ASSERT_NE(loaded.config, nullptr);
  EXPECT_EQ(describe(*loaded.config).find("hush"), std::string::npos);
  for (const Problem& problem : loaded.problems) {
    EXPECT_EQ(problem.text.find("hush"), std::string::npos);
  }
}

struct Row {
  std::string entry;
  std::string where;
  std::string text;
};

std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.entry;
}

class BadEntry : public testing::TestWithParam<Row> {};

TEST_P(BadEntry, is_one_problem_at_its_place) {
  const Row& row = GetParam();
  const Sample sample = test::sample(Part::top, "middleware:\n  - " + row.entry);
  std::string where = row.where;
  where.replace(where.find('@'), 1, std::to_string(sample.line + 1));
  EXPECT_EQ(problems(sample.text), Lines{"f:" + where + ": " + row.text}) << sample.text;
}

INSTANTIATE_TEST_SUITE_P(
    Shape, BadEntry,
    testing::Values(
        Row{"readonly", "@:5",
            "error: middleware[0]: there is no middleware \"readonly\"; did you mean "
            "\"read_only\"?"},
        Row{"rate-limit: {}", "@:5",
            "error: middleware[0]: there is no middleware \"rate-limit\"; did you mean "
            "\"rate_limit\"?"},
        Row{"zzz: {}", "@:5", "error: middleware[0]: there is no middleware \"zzz\""},
        Row{"[read_only]", "@:5",
            "error: middleware[0]: must be the name of a middleware, or a map of one name and its "
            "options"},
        Row{"row_limit:\n    rows: 5", "@:5",
            "error: middleware[0]: must be the name of a middleware, or a map of one name and its "
            "options; options are indented further than the name that they belong to"},
        Row{"read_only: true", "@:16",
            "error: middleware[0].read_only: must be a map of keys and values, not one value"},
        Row{"read_only: {x: 1}", "@:17", "error: middleware[0].read_only: unknown key \"x\""},
        Row{"statement_rules: {deny: x}", "@:22",
            "error: middleware[0].statement_rules: must be a list, not a map of keys and values"}));

INSTANTIATE_TEST_SUITE_P(
    Option, BadEntry,
    testing::Values(
        Row{"row_limit", "@:5",
            "error: middleware[0].row_limit.rows: is missing; it must be given"},
        Row{"row_limit: {rows: 0}", "@:23",
            "error: middleware[0].row_limit.rows: must be a whole number from 1 to "
            "9223372036854775807"},
        Row{"result_limit: {bytes: 0B}", "@:27",
            "error: middleware[0].result_limit.bytes: must be a size from 1B to 1048576GiB"},
        Row{"statement_timeout: {limit: 0s}", "@:32",
            "error: middleware[0].statement_timeout.limit: must be at least 1ms"},
        Row{"rate_limit: {requests_per_second: 0}", "@:39",
            "error: middleware[0].rate_limit.requests_per_second: must be a number from 0.001 to "
            "10000000"},
        Row{"rate_limit: {requests_per_second: 1e3}", "@:39",
            "error: middleware[0].rate_limit.requests_per_second: must be a number from 0.001 to "
            "10000000"},
        Row{"rate_limit: {requests_per_second: 5, burst: 0}", "@:49",
            "error: middleware[0].rate_limit.burst: must be a whole number from 1 to 10000000"},
        Row{"rate_limit: {requests_per_second: 5, on_excess: drop}", "@:53",
            "error: middleware[0].rate_limit.on_excess: must be delay or refuse"},
        Row{"connection_limit: {total: 0}", "@:23",
            "error: middleware[0].connection_limit: has no bound; give it total, per_user, "
            "per_address or per_database, above 0"},
        Row{"address_rules", "@:5",
            "error: middleware[0].address_rules: has no rule; give it allow or deny"},
        Row{"address_rules: {allow: [10.0.0.0/40]}", "@:29",
            "error: middleware[0].address_rules.allow[0]: must have a prefix length from 0 to 32 "
            "behind "
            "the slash"},
        Row{"audit: {statements: text}", "@:12",
            "error: middleware[0].audit.file: is missing; it must be given"},
        Row{"audit: {file: /x, kinds: [selct]}", "@:31",
            "error: middleware[0].audit.kinds[0]: must be a kind of statement; did you mean "
            "\"select\"?"},
        Row{"n_plus_one: {threshold: 1}", "@:29",
            "error: middleware[0].n_plus_one.threshold: must be a whole number from 2 to 1000000"},
        Row{"settings", "@:5",
            "error: middleware[0].settings: has no setting; give it `name: value`"},
        Row{"settings: {a b: x}", "@:16",
            "error: middleware[0].settings: the key \"a b\" must be the name of a setting, such as "
            "search_path, app.user or @app_user"},
        Row{"settings: {Role: x}", "@:16",
            "error: middleware[0].settings: the key \"Role\" is no setting to give: who a session "
            "is belongs to its login"},
        Row{"tag: {route: false, traceparent: false}", "@:10",
            "error: middleware[0].tag: adds nothing; give it route, traceparent or values"}));

INSTANTIATE_TEST_SUITE_P(
    Token, BadEntry,
    testing::Values(
        Row{"require_token: {parameter: x}", "@:20",
            "error: middleware[0].require_token: does not say what a token is; give one of tokens, "
            "hmac_sha256_secret and jwks_file, or its *_file"},
        Row{"require_token: {tokens: a, jwks_file: /dev/null}", "@:20",
            "error: middleware[0].require_token: says more than once what a token is; give one of "
            "tokens, hmac_sha256_secret and jwks_file, or its *_file"},
        Row{"require_token: {tokens: a, tokens_file: /dev/null}", "@:45",
            "error: middleware[0].require_token.tokens_file: given twice, as tokens and as "
            "tokens_file"},
        Row{"require_token: {tokens: a, audience: b}", "@:42",
            "error: middleware[0].require_token.audience: is of JWTs, and a token of `tokens` has "
            "no such claims"},
        Row{"require_token: {hmac_sha256_secret: short}", "@:41",
            "error: middleware[0].require_token.hmac_sha256_secret: is too short: HS256 needs a "
            "secret of 32 bytes at least"},
        Row{"require_token: {jwks_file: /nonexistent/x}", "@:32",
            "error: middleware[0].require_token.jwks_file: cannot read the file "
            "\"/nonexistent/x\""},
        Row{"require_token: {tokens: a, parameter: \"a b\"}", "@:43",
            "error: middleware[0].require_token.parameter: must be a name of 1 to 63 letters, "
            "digits, \"_\", \"-\" and \".\""}));

// Rules stand in one list, so that the places are those of its first.
INSTANTIATE_TEST_SUITE_P(
    Rule, BadEntry,
    testing::Values(
        Row{"statement_rules: []", "@:22",
            "error: middleware[0].statement_rules: has no rule; give it a list of them"},
        Row{"statement_rules: [{message: x, refuse: true}]", "@:23",
            "error: middleware[0].statement_rules[0]: does not say for which statements it is; "
            "give it deny, match or kinds"},
        Row{"statement_rules: [{match: x}]", "@:23",
            "error: middleware[0].statement_rules[0]: does nothing; give it refuse, timeout or "
            "pool, or write deny for match"},
        Row{"statement_rules: [{match: x, deny: y}]", "@:40",
            "error: middleware[0].statement_rules[0].deny: cannot stand beside match: it is match "
            "and refuse in one"},
        Row{"statement_rules: [{deny: x, timeout: 5s}]", "@:42",
            "error: middleware[0].statement_rules[0].timeout: has nothing to act on: the "
            "statements are refused"},
        Row{"statement_rules: [{match: x, timeout: 5s, message: m}]", "@:56",
            "error: middleware[0].statement_rules[0].message: is for a rule that refuses"},
        Row{"statement_rules: [{deny: \"a(b\"}]", "@:30",
            "error: middleware[0].statement_rules[0].deny: must be a regular expression of RE2: "
            "missing )"},
        Row{"statement_rules: [{deny: \"(?<=a)b\"}]", "@:30",
            "error: middleware[0].statement_rules[0].deny: must be a regular expression of RE2: "
            "invalid perl operator"},
        Row{"statement_rules: [{deny: \"drop|\"}]", "@:30",
            "warning: middleware[0].statement_rules[0].deny: matches every statement"},
        Row{"statement_rules: [{match: x, pool: q}]", "@:40",
            "error: middleware[0].statement_rules[0].pool: there is no pool \"q\""}));

// What follows from a wrong value is no news, and one bad entry does not hide the next.
TEST(Chain, one_mistake_is_one_message) {
  const auto text = sample(Part::top,
                           "middleware:\n  - row_limits: {rows: 5}\n  - row_limit: {rows: x}\n"
                           "  - require_token: {tokens: [x]}\n"
                           "  - statement_rules: [{kinds: [x], refuse: true}]\n")
                        .text;
  EXPECT_EQ(problems(text).size(), 4U);
}

}  // namespace
}  // namespace sluice::config::test
