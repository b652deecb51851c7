#include "config/describe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.hpp"
#include "tests/config/support.hpp"

namespace sluice::config {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr auto kEverySecret = R"(
listeners: [{name: l, protocol: postgresql, bind: ":6432"}]
pools:
  a: {url: "postgresql://app:hush-1@db/pets?options=hush-6"}
  b: {url: "mysql://app@db/pets", password: hush-2, connect_args: {charset: utf8mb4}}
users:
  - {name: one, password: hush-3}
  - {name: two, md5_hash: md500000000000000000000000000000000}
  - {name: three, mysql_native_hash: "*1111111111111111111111111111111111111111"}
routes:
  - {name: r, pool: a, tags: [x, y], match: {user: "a$${b}*"}}
  - {name: s, pool: b}
)";

TEST(Describe, masks_every_secret) {
  const auto loaded = test::load(kEverySecret);
  ASSERT_NE(loaded.config, nullptr);
  const auto text = describe(*loaded.config);
  EXPECT_THAT(text, Not(HasSubstr("hush")));
  EXPECT_THAT(text, Not(HasSubstr("0000000000")));
  EXPECT_THAT(text, Not(HasSubstr("1111111111")));
  EXPECT_THAT(text, HasSubstr("    password: '********'\n"));
  EXPECT_THAT(text, HasSubstr("url: \"postgresql://app@db:5432/pets\"\n"));
  EXPECT_THAT(text, HasSubstr("    pool_size: 20\n"));
  EXPECT_THAT(text, HasSubstr("charset: utf8mb4\n"));
  EXPECT_THAT(text, HasSubstr("tags: [x, y]\n"));
}

// All but the masked hashes is a configuration again, and describes itself in the same words.
TEST(Describe, can_be_loaded_again) {
  const auto sample =
      test::sample(test::Part::route, "match: {user: \"a$${b}*\", database: \"#\"}");
  const auto loaded = test::load(sample.text);
  ASSERT_NE(loaded.config, nullptr);
  const auto text = describe(*loaded.config);
  const auto again = test::load(text);
  ASSERT_NE(again.config, nullptr) << text << to_string(again.problems.front());
  EXPECT_EQ(describe(*again.config), text);
  EXPECT_EQ(again.config->routes[0].match.user, "a${b}*");
}

constexpr auto kOrigins = R"(version: 1
listeners: [{name: l, protocol: postgresql, bind: ":6432"}]
pools:
  a:
    url: "postgresql://app:${SLUICE_TEST_HUSH:-hush-1}@db/pets?sslmode=require&connect_timeout=7"
    pool_size: 3
  b: {url: "mysql://app@db/pets", password: "${file:/run/secrets/b}", connect_args: {charset: utf8mb4}}
users:
  - {name: one, password_file: /run/secrets/one}
middleware: [read_only, {settings: {search_path: x}}, {statement_rules: [{deny: drop}]}]
routes:
  - {name: r, pool: a, timeouts: {query_timeout: "${SLUICE_TEST_TIME:-5s}"}}
)";

std::string shown(bool defaults, bool origins) {
  const auto loaded = test::load(kOrigins, true);
  EXPECT_NE(loaded.config, nullptr) << to_string(loaded.problems.front());
  return loaded.config == nullptr ? "" : show(*loaded.config, {kOrigins, "f", defaults, origins});
}

TEST(Show, has_only_what_the_file_gives) {
  const auto text = shown(false, false);
  EXPECT_THAT(text, HasSubstr("version: 1\n"));
  EXPECT_THAT(text, HasSubstr("    pool_size: 3\n"));
  EXPECT_THAT(text, HasSubstr("    password: '********'\n"));
  EXPECT_THAT(text, HasSubstr("  - read_only: {}\n"));
  EXPECT_THAT(text, HasSubstr("    tls:\n      mode: require\n"));
  EXPECT_THAT(text, Not(HasSubstr("pool_timeout")));
  EXPECT_THAT(text, Not(HasSubstr("limits")));
  EXPECT_THAT(text, Not(HasSubstr("hush")));
  EXPECT_NE(test::load(text, true).config, nullptr);
}

TEST(Show, tells_where_each_value_comes_from) {
  const auto text = shown(true, true);
  for (const char* line :
       {"pool_size: 3  # f:6\n", "pool_timeout: 30s  # default\n",
        "password: '********'  # f:5, environment SLUICE_TEST_HUSH (not set)\n",
        "password: '********'  # f:7, secret file /run/secrets/b\n",
        "password: '********'  # f:9, secret file /run/secrets/one\n",
        "mode: require  # f:5, environment", "connect_timeout: 7s  # f:5, environment",
        "charset: utf8mb4  # f:7\n", "search_path: x  # f:10\n", "deny: drop  # f:10\n",
        "query_timeout: 5s  # f:12, environment SLUICE_TEST_TIME (not set)\n",
        "drain:\n  delay: 0s  # default\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_NE(test::load(text, true).config, nullptr) << "comments leave it what it is";
}

TEST(Show, all_that_is_in_force_is_what_describe_says) {
  EXPECT_EQ(shown(true, false), describe(*test::load(kOrigins, true).config));
}

}  // namespace
}  // namespace sluice::config
