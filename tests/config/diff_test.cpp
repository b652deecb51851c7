#include "config/diff.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/config/support.hpp"

namespace sluice::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto kBase = R"(
listeners: [{name: pg, protocol: postgresql, bind: ":6432"}, {name: two, protocol: postgresql, bind: ":6433"}]
pools:
  a: {url: "postgresql://app:hush@db/pets", pool_size: 5, connect_args: {application_name: x}}
  a.b: {url: "postgresql://app:hush@db/pets"}
users: [{name: app, password: hush}, {name: ops, password: hush}]
middleware: [{rate_limit: {requests_per_second: 5}}]
routes:
  - {name: first, pool: a, match: {user: app}, middleware: [{statement_rules: [{deny: DROP}]}]}
  - {name: rest, pool: a.b}
)";

std::string with(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

std::vector<std::string> changes(const std::string& before, const std::string& after) {
  const Loaded from = test::load(before);
  const Loaded to = test::load(after);
  EXPECT_TRUE(from.config && to.config);
  std::vector<std::string> out;
  for (const Change& change : diff(*from.config, *to.config)) {
    out.push_back(to_string(change));
  }
  return out;
}

std::vector<std::string> changed(const std::string& what, const std::string& by) {
  return changes(kBase, with(kBase, what, by));
}

TEST(Diff, nothing_is_different_from_itself) {
  EXPECT_THAT(changes(kBase, kBase), IsEmpty());
  EXPECT_THAT(changed("pool_size: 5", "pool_size:   5"), IsEmpty());
}

TEST(Diff, names_the_option) {
  EXPECT_THAT(changed("pool_size: 5", "pool_size: 6"), ElementsAre("pools.a.pool_size"));
  EXPECT_THAT(changed("pool_size: 5", "min_idle: 1"),
              ElementsAre("pools.a.min_idle", "pools.a.pool_size"));
  EXPECT_THAT(changed("bind: \":6433\"", "bind: \":6434\""), ElementsAre("listeners.two.bind"));
  EXPECT_THAT(changed("bind: \":6433\"", "bind: \":6433\", proxy_protocol: {trusted: [10.0.0.1]}"),
              ElementsAre("listeners.two.proxy_protocol.trusted"));
  EXPECT_THAT(changed("match: {user: app}", "match: {user: app, database: pets}"),
              ElementsAre("routes.first.match.database"));
  EXPECT_THAT(changed("application_name: x", "application_name: y"),
              ElementsAre("pools.a.connect_args.application_name"));
  EXPECT_THAT(changed("application_name: x", ""),
              ElementsAre("pools.a.connect_args.application_name"));
  EXPECT_THAT(changes(kBase, std::string(kBase) + "limits: {query_timeout: 5s}\n"),
              ElementsAre("limits.query_timeout"));
}

TEST(Diff, tells_secrets_by_name_alone) {
  EXPECT_THAT(changed("app, password: hush", "app, password: other"),
              ElementsAre("users.app.password"));
  EXPECT_THAT(changed("app:hush@db/pets\", pool_size", "app:other@db/pets\", pool_size"),
              ElementsAre("pools.a.password"));
}

TEST(Diff, what_is_added_or_removed_is_one_change) {
  EXPECT_THAT(changed(", {name: ops, password: hush}", ""), ElementsAre("users.ops (removed)"));
  EXPECT_THAT(changed("users: [", "users: [{name: new, password: hush}, "),
              ElementsAre("users.new (added)"));
  EXPECT_THAT(changed("[{rate_limit: {requests_per_second: 5}}]", "[{read_only: {}}]"),
              ElementsAre("middleware[0].rate_limit (removed)", "middleware[0].read_only (added)"));
}

TEST(Diff, a_name_with_a_dot_is_not_a_part_of_another) {
  const std::string renamed = with(with(kBase, "  a: {", "  c: {"), "pool: a,", "pool: c,");
  EXPECT_THAT(changes(kBase, with(renamed, "  a.b: {", "  a.b: {pool_size: 3, ")),
              ElementsAre("pools.a (removed)", "pools.a.b.pool_size", "pools.c (added)",
                          "routes.first.pool"));
}

TEST(Diff, options_of_middleware_have_a_path) {
  EXPECT_THAT(changed("requests_per_second: 5", "requests_per_second: 6"),
              ElementsAre("middleware[0].rate_limit.requests_per_second"));
  EXPECT_THAT(changed("deny: DROP", "deny: TRUNCATE"),
              ElementsAre("routes.first.middleware[0].statement_rules[0].deny"));
}

TEST(Diff, an_order_is_a_change_of_the_list) {
  const std::string first =
      "  - {name: first, pool: a, match: {user: app}, middleware: "
      "[{statement_rules: [{deny: DROP}]}]}\n";
  EXPECT_THAT(changes(kBase, with(kBase, first, "") + first), ElementsAre("routes"));
}

TEST(Diff, of_one_pool) {
  Pool before;
  Pool after = before;
  EXPECT_THAT(diff(before, after), IsEmpty());
  after.pool_size = 7;
  after.tls.ca_file = "/ca";
  after.password = "hush";
  EXPECT_THAT(diff(before, after), ElementsAre("password", "pool_size", "tls.ca_file"));
}

TEST(Diff, of_the_options_of_middleware) {
  EXPECT_TRUE(same_options({RowLimit{5}, {}}, {RowLimit{5}, {9}}));
  EXPECT_FALSE(same_options({RowLimit{5}, {}}, {RowLimit{6}, {}}));
  EXPECT_FALSE(same_options({RowLimit{5}, {}}, {ResultLimit{5}, {}}));
  EXPECT_TRUE(same_options({ReadOnly{}, {}}, {ReadOnly{}, {}}));
}

}  // namespace
}  // namespace sluice::config
