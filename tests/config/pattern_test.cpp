#include "config/pattern.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::config {
namespace {

TEST(Pattern, matches_as_a_shell_does) {
  EXPECT_TRUE(matches("", "anything"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("report_*", "report_ro"));
  EXPECT_TRUE(matches("*_ro", "report_ro"));
  EXPECT_TRUE(matches("a*b*c", "aXbXbc"));
  EXPECT_TRUE(matches("?", "x"));
  EXPECT_TRUE(matches("[a-c]x", "bx"));
  EXPECT_TRUE(matches("[!a-c]x", "dx"));
  EXPECT_TRUE(matches("[]]", "]"));
  EXPECT_TRUE(matches("[a-]", "-"));
  EXPECT_TRUE(matches("\\*", "*"));
  EXPECT_FALSE(matches("report_*", "report"));
  EXPECT_FALSE(matches("app", "App"));
  EXPECT_FALSE(matches("?", ""));
  EXPECT_FALSE(matches("[a-c]", "d"));
  EXPECT_FALSE(matches("\\*", "x"));
  EXPECT_FALSE(matches("a", "ab"));
}

TEST(Pattern, many_stars_take_no_time) {
  std::string stars;
  for (int i = 0; i < 200; ++i) {
    stars += "*a";
  }
  EXPECT_FALSE(matches(stars + "b", std::string(5000, 'a')));
}

TEST(Pattern, knows_what_is_no_pattern) {
  EXPECT_TRUE(is_pattern("a*[b-d]?\\["));
  EXPECT_FALSE(is_pattern("[a"));
  EXPECT_FALSE(is_pattern("[]"));
  EXPECT_FALSE(is_pattern("a\\"));
}

TEST(Pattern, covers_only_what_is_sure) {
  EXPECT_TRUE(covers("", "x*"));
  EXPECT_TRUE(covers("*", ""));
  EXPECT_TRUE(covers("app", "app"));
  EXPECT_TRUE(covers("a*", "app"));
  EXPECT_TRUE(covers("a*", "ap?"));
  EXPECT_TRUE(covers("a*", "ab*"));
  EXPECT_FALSE(covers("app", ""));
  EXPECT_FALSE(covers("app", "a*"));
  EXPECT_FALSE(covers("ab*", "a*"));
  EXPECT_FALSE(covers("a?", "a[bc]"));
}

}  // namespace
}  // namespace sluice::config
