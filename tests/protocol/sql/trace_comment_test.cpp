#include "protocol/sql/trace_comment.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::protocol::sql {
namespace {

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string with(std::string_view before, std::string_view after) {
  return std::string(before) + std::string(kParent) + std::string(after);
}

TEST(TraceComment, TraceparentIsFoundAtEitherEnd) {
  for (const std::string& text :
       {with("SELECT 1 /*traceparent='", "'*/"), with("SELECT 1 /* traceparent='", "' */ ; \n"),
        with("SELECT 1 /*a='b',traceparent='", "',z='%2F'*/;"),
        with("  /*traceparent='", "'*/ SELECT 1"),
        with("/* not one */ SELECT 1 /*traceparent='", "'*/"),
        with("/*traceparent='bad'*/ SELECT 1 /*traceparent='", "'*/"),
        with("/*traceparent='", "'*/ SELECT 1 /*a='b'*/")}) {
    EXPECT_EQ(traceparent_of(text), kParent) << text;
  }
  EXPECT_EQ(traceparent_of("SELECT 1 /*traceparent='00%2D0af7651916cd43dd8448eb211c80319c-"
                           "b7ad6b7169203331-01'*/"),
            kParent);
}

TEST(TraceComment, WhatIsNoTraceparentIsNone) {
  for (const std::string& text :
       {std::string(), std::string("*/"), std::string("/*/"), std::string("/**/"),
        std::string("SELECT 1"), with("SELECT '/*traceparent=''", "''*/' FROM t"),
        with("SELECT 1 /*traceparent=", "*/"), with("SELECT 1 /*tracestate='", "'*/"),
        with("SELECT 1 /*x traceparent='", "*/"), std::string("SELECT 1 /*traceparent='\\'*/"),
        std::string("SELECT 1 /*traceparent=''*/")}) {
    EXPECT_FALSE(traceparent_of(text)) << text;
  }
}

TEST(TraceComment, TraceparentsAreValidated) {
  EXPECT_TRUE(valid_traceparent(kParent));
  EXPECT_TRUE(valid_traceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"));
  EXPECT_TRUE(valid_traceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-00ff"));
  for (const std::string_view bad : {"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
                                     "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-00",
                                     "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                     "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                                     "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                     "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                     "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                     "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-x\n",
                                     "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}) {
    EXPECT_FALSE(valid_traceparent(bad)) << bad;
  }
}

TEST(TraceComment, ValuesAreDecodedAndPlacesTold) {
  const std::string text = "SELECT 1 /*a='x%27y\\'z', b%3D='%zz'*/ ;";
  const auto comment = trailing_trace_comment(text);
  ASSERT_TRUE(comment);
  EXPECT_EQ(text.substr(comment->begin, 2), "/*");
  EXPECT_EQ(text.substr(comment->end - 2), "*/ ;");
  ASSERT_NE(comment->find("a"), nullptr);
  EXPECT_EQ(*comment->find("a"), "x'y'z");
  ASSERT_NE(comment->find("b="), nullptr);
  EXPECT_EQ(*comment->find("b="), "%zz");
  EXPECT_EQ(comment->find("c"), nullptr);
  EXPECT_FALSE(leading_trace_comment(text));
}

TEST(TraceComment, PairsCannotEndTheComment) {
  EXPECT_EQ(trace_pair("route", "pets"), "route='pets'");
  EXPECT_EQ(trace_pair("k='", "*/ '; \\ é\n?"), "k%3D%27='%2A%2F%20%27%3B%20%5C%20%C3%A9%0A%3F'");
}

}  // namespace
}  // namespace sluice::protocol::sql
