#include "protocol/shared_values.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/settings.hpp"

namespace sluice::protocol {
namespace {

TEST(SharedValues, EqualValuesAreOneInMemory) {
  SharedValues<std::string> values;
  auto first = values.share("a", 1);
  EXPECT_EQ(values.share("a", 1), first);
  EXPECT_EQ(values.size(), 1U);
}

TEST(SharedValues, EqualHashesAreNotEqualValues) {
  SharedValues<std::string> values;
  auto a = values.share("a", 7);
  auto b = values.share("b", 7);
  EXPECT_NE(a, b);
  EXPECT_EQ(*b, "b");
  EXPECT_EQ(values.share("a", 7), a);
  EXPECT_EQ(values.share("b", 7), b);
}

TEST(SharedValues, NobodysValueIsForgotten) {
  SharedValues<std::string> values;
  std::weak_ptr<const std::string> gone = values.share("a", 1);
  EXPECT_TRUE(gone.expired());
  EXPECT_EQ(*values.share("a", 1), "a");
}

TEST(SharedValues, WhatIsRememberedDoesNotGrowWithWhatIsGone) {
  SharedValues<int> values;
  auto kept = values.share(-1, 0);
  for (int i = 0; i < 100000; ++i) {
    values.share(i, static_cast<std::uint64_t>(i));
  }
  EXPECT_LE(values.size(), 130U);
  EXPECT_EQ(values.share(-1, 0), kept);
}

TEST(SharedValues, SettingsOfEqualSessionsAreShared) {
  Settings settings;
  settings.set("a", "1");
  Settings other = settings;
  other.set("a", "2");
  SettingsPtr first = share_settings(settings);
  EXPECT_EQ(share_settings(settings), first);
  EXPECT_NE(share_settings(other), first);
}

}  // namespace
}  // namespace sluice::protocol
