#include "config/units.hpp"

#include <gtest/gtest.h>

namespace sluice::config {
namespace {

using std::chrono::milliseconds;

TEST(Units, durations_need_a_whole_number_and_a_unit) {
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("30s"), milliseconds(30000));
  EXPECT_EQ(parse_duration("30m"), milliseconds(1800000));
  EXPECT_EQ(parse_duration("10h"), milliseconds(36000000));
  EXPECT_EQ(parse_duration("1d"), milliseconds(86400000));
  EXPECT_EQ(parse_duration("0s"), milliseconds(0));
  for (const auto* bad :
       {"", "30", "s", "-1", "-1s", "+1s", "1.5s", "1 s", "1S", "1sec", "1s ", " 1s", "0x1s",
        "1h30m", "18446744073709551615d", "99999999999999999999s", "4000d"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
}

TEST(Units, durations_print_as_they_parse) {
  for (const auto* text : {"1ms", "500ms", "0s", "30s", "90s", "10m", "2h", "36h", "7d"}) {
    EXPECT_EQ(print_duration(*parse_duration(text)), text);
  }
  EXPECT_EQ(print_duration(milliseconds(-1)), "-1");
}

TEST(Units, sizes_need_a_binary_unit) {
  EXPECT_EQ(parse_size("64KiB"), 65536U);
  EXPECT_EQ(parse_size("1GiB"), 1073741824U);
  EXPECT_EQ(parse_size("10B"), 10U);
  for (const auto* bad : {"", "64", "64K", "64KB", "64kib", "-1KiB", "1TiB", "1.5MiB",
                          "18446744073709551615KiB", "1048577GiB"}) {
    EXPECT_EQ(parse_size(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(print_size(65536), "64KiB");
  EXPECT_EQ(print_size(1000), "1000B");
  EXPECT_EQ(print_size(0), "0B");
}

TEST(Units, booleans_are_two_words) {
  EXPECT_EQ(parse_boolean("true"), true);
  EXPECT_EQ(parse_boolean("false"), false);
  for (const auto* bad : {"yes", "on", "True", "1", ""}) {
    EXPECT_EQ(parse_boolean(bad), std::nullopt) << bad;
  }
}

TEST(Units, integers_are_decimal_without_leading_zeros) {
  EXPECT_EQ(parse_integer("0"), 0);
  EXPECT_EQ(parse_integer("-1"), -1);
  EXPECT_EQ(parse_integer("9223372036854775807"), 9223372036854775807);
  for (const auto* bad : {"", "-", "010", "-01", "0x10", "1_000", "1e3", "+1", " 1", "1 ", "1.0",
                          "9223372036854775808", "--1"}) {
    EXPECT_EQ(parse_integer(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace sluice::config
