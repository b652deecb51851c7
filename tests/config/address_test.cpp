#include "config/address.hpp"

#include <gtest/gtest.h>

namespace sluice::config {
namespace {

Address bind(std::string_view text) {
  Address out;
  EXPECT_EQ(parse_bind(text, out), "") << text;
  return out;
}

TEST(Address, takes_the_four_forms) {
  EXPECT_EQ(bind("0.0.0.0:6432").host, "0.0.0.0");
  EXPECT_EQ(bind("0.0.0.0:6432").port, 6432);
  EXPECT_EQ(bind("[::1]:6033").host, "::1");
  EXPECT_EQ(bind(":9127").host, "");
  EXPECT_EQ(bind("localhost:0").port, 0);
  EXPECT_EQ(bind("unix:/run/s/.s.PGSQL.6432").unix_path, "/run/s/.s.PGSQL.6432");
}

TEST(Address, prints_as_it_parses) {
  for (const auto* text : {"0.0.0.0:6432", "[::1]:6033", ":9127", "db.example:1", "unix:/a/b"}) {
    EXPECT_EQ(print_address(bind(text)), text);
  }
}

TEST(Address, refuses_everything_else) {
  for (const auto* bad : {"",          "6432",      "localhost", "::1:6432", "[::1]",
                          "[::1:6432", "[::g]:1",   "h:",        "h:65536",  "h:-1",
                          "h:01",      "h:1x",      "a b:1",     "1.2.3:1",  "300.1.1.1:1",
                          "-h:1",      ".h:1",      "a..b:1",    "unix:",    "unix:relative",
                          "unix:/",    "http://h:1"}) {
    Address out;
    EXPECT_NE(parse_bind(bad, out), "") << bad;
  }
  Address out;
  EXPECT_NE(parse_bind("unix:/" + std::string(200, 'x'), out), "");
  EXPECT_EQ(parse_bind("::1:6432", out), "must have an IPv6 address in brackets, as in [::1]:6432");
}

TEST(Address, wildcards_clash_with_what_they_cover) {
  EXPECT_TRUE(clash(bind(":1"), bind("127.0.0.1:1")));
  EXPECT_TRUE(clash(bind("[::1]:1"), bind(":1")));
  EXPECT_TRUE(clash(bind("0.0.0.0:1"), bind("127.0.0.1:1")));
  EXPECT_TRUE(clash(bind("[::]:1"), bind("[::1]:1")));
  EXPECT_TRUE(clash(bind("unix:/a"), bind("unix:/a")));
  EXPECT_FALSE(clash(bind("0.0.0.0:1"), bind("[::1]:1")));
  EXPECT_FALSE(clash(bind("127.0.0.1:1"), bind("127.0.0.2:1")));
  EXPECT_FALSE(clash(bind(":1"), bind(":2")));
  EXPECT_FALSE(clash(bind(":0"), bind(":0")));
  EXPECT_FALSE(clash(bind("unix:/a"), bind(":1")));
}

}  // namespace
}  // namespace sluice::config
