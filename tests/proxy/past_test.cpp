#include "proxy/operator/past.hpp"

#include <gtest/gtest.h>

namespace sluice::proxy::op {
namespace {

Moment at(int seconds) {
  return Moment(std::chrono::seconds(seconds));
}

TEST(Past, holds_both_ends_of_its_stretches) {
  Past past(at(10));
  EXPECT_TRUE(past.holds(at(10)));
  EXPECT_FALSE(past.holds(at(9)));
  EXPECT_FALSE(past.holds(at(11)));
  past.add(at(10), at(20));
  past.add(at(30), at(40));
  EXPECT_EQ(past.end_of(at(15)), at(20));
  EXPECT_EQ(past.end_of(at(25)), at(25));
  EXPECT_EQ(past.end_of(at(30)), at(40));
}

TEST(Past, joins_what_touches) {
  Past past(at(10));
  past.add(at(30), at(40));
  past.add(at(50), at(60));
  past.add(at(5), at(30));
  EXPECT_EQ(past.end_of(at(5)), at(40));
  past.add(at(0), at(100));
  EXPECT_EQ(past.end_of(at(0)), at(100));
  past.add(at(20), at(30));  // within
  EXPECT_EQ(past.end_of(at(25)), at(100));
}

TEST(Past, forgets_the_oldest_stretches) {
  Past past(at(0));
  for (int i = 1; i <= 16; ++i) {
    past.add(at(i * 100), at(i * 100 + 10));
  }
  EXPECT_FALSE(past.holds(at(0)));
  EXPECT_TRUE(past.holds(at(105)));
  EXPECT_TRUE(past.holds(at(1605)));
}

}  // namespace
}  // namespace sluice::proxy::op
