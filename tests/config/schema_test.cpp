#include "config/schema.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace sluice::config {
namespace {

namespace json = boost::json;

// tests/e2e/test_cli_config.py validates whole files against it.
const json::value& schema() {
  static const json::value all = json::parse(render_schema());
  return all;
}

const json::value& pool_option(const char* name) {
  return schema().at_pointer(std::string("/properties/pools/additionalProperties/properties/") +
                             name);
}

TEST(Schema, has_ranges_words_patterns_and_defaults) {
  const auto& size = pool_option("pool_size");
  EXPECT_EQ(size.at_pointer("/anyOf/0/minimum").as_int64(), 1);
  EXPECT_EQ(size.at_pointer("/anyOf/0/maximum").as_int64(), 100000);
  EXPECT_EQ(size.at("default").as_int64(), 20);
  EXPECT_EQ(pool_option("pool_mode").at_pointer("/anyOf/0/enum").as_array().size(), 3U);
  EXPECT_EQ(pool_option("pool_timeout").at("default").as_string(), "30s");
  EXPECT_TRUE(pool_option("tls").at_pointer("/properties/mode/description").is_string());
}

TEST(Schema, refuses_unknown_keys_and_asks_for_what_must_be_there) {
  EXPECT_FALSE(schema().at("additionalProperties").as_bool());
  EXPECT_EQ(schema().at("required"), (json::array{"listeners", "pools", "routes"}));
  EXPECT_EQ(schema().at_pointer("/properties/listeners/items/required"),
            (json::array{"name", "protocol", "bind"}));
}

TEST(Schema, lists_that_must_name_something_are_not_empty) {
  const auto& group = schema().at_pointer("/properties/listeners/items/properties/proxy_protocol");
  EXPECT_EQ(group.at("required"), json::array{"trusted"});
  EXPECT_EQ(group.at_pointer("/properties/trusted/minItems").as_int64(), 1);
  EXPECT_FALSE(schema()
                   .at_pointer("/properties/routes/items/properties/tags")
                   .as_object()
                   .contains("minItems"));
}

TEST(Schema, middleware_that_needs_no_options_is_a_name) {
  const auto& names = schema().at_pointer("/$defs/chain/items/anyOf/0/enum").as_array();
  const auto has = [&](const char* name) {
    return std::find(names.begin(), names.end(), json::value(name)) != names.end();
  };
  EXPECT_TRUE(has("read_only"));
  EXPECT_FALSE(has("row_limit"));
  const auto& all = schema().at_pointer("/$defs/chain/items/anyOf/1/properties");
  EXPECT_EQ(all.at("row_limit").at("required"), json::array{"rows"});
}

}  // namespace
}  // namespace sluice::config
