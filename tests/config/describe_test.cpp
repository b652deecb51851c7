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

}  // namespace
}  // namespace sluice::config
