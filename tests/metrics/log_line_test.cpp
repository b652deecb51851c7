#include "metrics/log_line.hpp"

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

namespace sluice::metrics::log {
namespace {

using std::string_literals::operator""s;

const std::chrono::system_clock::time_point kTime{std::chrono::milliseconds(1'769'850'900'007)};

std::string line(Format format, const std::vector<Field>& fields) {
  return format_line({kTime, Level::warning, "client_login_failed", fields}, format);
}

TEST(LogLine, TextIsTimeLevelEventAndFields) {
  EXPECT_EQ(line(Format::text, {{"user", "app"}, {"port", 6432}, {"tls", true}, {"took", 0.25}}),
            "2026-01-31T09:15:00.007Z warning client_login_failed user=app port=6432 tls=true "
            "took=0.25");
  EXPECT_EQ(line(Format::text, {}), "2026-01-31T09:15:00.007Z warning client_login_failed");
}

TEST(LogLine, JsonIsOneObject) {
  EXPECT_EQ(line(Format::json, {{"user", "a\"b\\c"}, {"n", -3}, {"tls", false}}),
            R"({"time":"2026-01-31T09:15:00.007Z","level":"warning",)"
            R"("event":"client_login_failed","user":"a\"b\\c","n":-3,"tls":false})");
}

TEST(LogLine, TextQuotesWhatCouldBeTakenForSomethingElse) {
  EXPECT_NE(line(Format::text, {{"user", ""}}).find(R"( user="")"), std::string::npos);
  EXPECT_NE(line(Format::text, {{"user", "a b"}}).find(R"( user="a b")"), std::string::npos);
  EXPECT_NE(line(Format::text, {{"user", "a=b"}}).find(R"( user="a=b")"), std::string::npos);
  EXPECT_NE(line(Format::text, {{"user", "x\" y=\"z"}}).find(R"( user="x\" y=\"z")"),
            std::string::npos);
  EXPECT_NE(line(Format::text, {{"user", "größe"}}).find(" user=\"größe\""), std::string::npos);
}

TEST(LogLine, NoValueEndsALineOrSpeaksToATerminal) {
  const std::string evil = "a\n2026 info fake\r\t\x1b[31m\x7f\0\xc2\x9b\xe2\x80\xa8\xe2\x80\xae"s;
  const std::string escaped = R"("a\n2026 info fake\r\t\u001b[31m\u007f\u0000\u009b\u2028\u202e)";
  for (const Format format : {Format::text, Format::json}) {
    const std::string text = line(format, {{"user", evil}});
    EXPECT_NE(text.find(escaped), std::string::npos) << text;
    for (const char c : text) {
      EXPECT_GE(static_cast<unsigned char>(c), 0x20);
    }
  }
}

TEST(LogLine, WhatIsNoUtf8IsEscapedByteByByte) {
  // A lone continuation, an overlong slash, a surrogate, past the end, and a cut sequence.
  for (const std::string bad :
       {"\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    std::string hex;
    std::string replaced;
    for (const char c : bad) {
      constexpr const char* kDigits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      hex += std::string("\\x") + kDigits[byte >> 4U] + kDigits[byte & 15U];
      replaced += "\\ufffd";
    }
    EXPECT_NE(line(Format::text, {{"v", bad}}).find("v=\"" + hex + "\""), std::string::npos);
    EXPECT_NE(line(Format::json, {{"v", bad}}).find(":\"" + replaced + "\""), std::string::npos);
  }
}

TEST(LogLine, EveryByteStringGivesJsonThatParses) {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; second += 5) {
      const std::string value{static_cast<char>(first), static_cast<char>(second), 'x'};
      boost::system::error_code error;
      const auto parsed = boost::json::parse(line(Format::json, {{"v", value}}), error);
      ASSERT_FALSE(error) << first << " " << second;
      ASSERT_TRUE(parsed.as_object().at("v").is_string());
    }
  }
}

TEST(LogLine, NumbersThatJsonLacksAreNullAndLongValuesAreCut) {
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_NE(line(Format::json, {{"v", infinite}}).find("\"v\":null}"), std::string::npos);
  EXPECT_NE(line(Format::text, {{"v", std::numeric_limits<std::uint64_t>::max()}})
                .find("v=18446744073709551615"),
            std::string::npos);
  EXPECT_NE(line(Format::text, {{"v", std::chrono::milliseconds(1500)}}).find("v=1.5"),
            std::string::npos);
  const std::string text = line(Format::text, {{"v", std::string(5000, 'x')}});
  EXPECT_NE(text.find("v=\"" + std::string(kMaxValue, 'x') + "...\""), std::string::npos);
}

}  // namespace
}  // namespace sluice::metrics::log
