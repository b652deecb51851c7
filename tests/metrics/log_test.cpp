#include "metrics/log.hpp"

#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "metrics/repeat_limit.hpp"

namespace sluice::metrics::log {
namespace {

TEST(RepeatLimit, AdmitsSoManyASecondAndTellsTheRestOnce) {
  RepeatLimit limit(2);
  EXPECT_TRUE(limit.admit("a", 10));
  EXPECT_TRUE(limit.admit("a", 10));
  EXPECT_FALSE(limit.admit("a", 10));
  EXPECT_FALSE(limit.admit("a", 10));
  EXPECT_TRUE(limit.admit("b", 10));
  EXPECT_TRUE(limit.ended(10).empty());
  const auto told = limit.ended(11);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].event, "a");
  EXPECT_EQ(told[0].count, 2U);
  EXPECT_TRUE(limit.ended(12).empty());
  EXPECT_TRUE(limit.admit("a", 12));
}

TEST(RepeatLimit, AFloodOverManySecondsIsNotLost) {
  RepeatLimit limit(1);
  std::uint64_t admitted = 0;
  std::uint64_t told = 0;
  for (std::int64_t second = 0; second < 5; ++second) {
    for (int at = 0; at < 10; ++at) {
      for (const auto& one : limit.ended(second)) {
        told += one.count;
      }
      admitted += limit.admit("a", second) ? 1 : 0;
    }
  }
  EXPECT_EQ(admitted, 5U);
  EXPECT_EQ(told, 36U);
  EXPECT_EQ(limit.ended(5).at(0).count, 9U);
}

TEST(RepeatLimit, ZeroIsNoLimit) {
  RepeatLimit limit(0);
  for (int at = 0; at < 1000; ++at) {
    ASSERT_TRUE(limit.admit("a", 1));
  }
}

// Collects what the log's thread writes.
class LogTest : public testing::Test {
 protected:
  Options options(Level level) {
    Options made;
    made.level = level;
    made.write = [this](std::string_view line) {
      const std::lock_guard lock(mutex_);
      lines_.emplace_back(line);
    };
    return made;
  }
  ~LogTest() override { stop(); }
  std::vector<std::string> stopped() {
    stop();
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

TEST_F(LogTest, WritesWhatItsLevelAllowsAndEverythingBeforeItStops) {
  start(options(Level::info));
  debug("too_quiet");
  info("hello", {{"n", 1}});
  set_level(Level::error);
  warning("too_quiet");
  set_level(Level::debug);
  debug("bye");
  const auto lines = stopped();
  info("after_the_end");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].substr(lines[0].find('Z')), "Z info hello n=1\n");
  EXPECT_EQ(lines[1].substr(lines[1].find('Z')), "Z debug bye\n");
}

TEST_F(LogTest, AFailureIsLoggedAtItsOwnLevelWithItsLabel) {
  start(options(Level::info));
  failed("session_ended", protocol::fail(protocol::FailureKind::client_gone, "gone"));
  failed("session_ended",
         protocol::fail(protocol::FailureKind::backend_lost, "lost it", "read: reset"),
         {{"session", 7}});
  const auto lines = stopped();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].substr(lines[0].find('Z')),
            "Z warning session_ended session=7 reason=backend_lost sqlstate=08006 errno=2013 "
            "text=\"lost it\" detail=\"read: reset\"\n");
}

TEST_F(LogTest, RepeatsAreCountedInALine) {
  Options made = options(Level::info);
  made.repeats_per_second = 3;
  start(std::move(made));
  for (int at = 0; at < 100; ++at) {
    info("again");
  }
  const std::uint64_t left_out = suppressed();
  const auto lines = stopped();
  EXPECT_GE(left_out, 90U);  // 97, unless a second went by
  EXPECT_LT(lines.size(), 20U);
  EXPECT_NE(lines.back().find("log_repeats_suppressed repeated=again lines="), std::string::npos);
}

// The writer is stuck, as behind a pipe that nobody reads: those who log go on.
TEST_F(LogTest, AFullQueueDropsTheOldestAndCounts) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::vector<std::string> lines;
  Options made;
  made.queue_lines = 8;
  made.repeats_per_second = 0;
  made.write = [&](std::string_view line) {
    released.wait();
    lines.emplace_back(line);
  };
  start(std::move(made));
  for (int at = 0; at < 100; ++at) {
    info("line", {{"n", at}});
  }
  const std::uint64_t lost = dropped();
  release.set_value();
  stop();
  EXPECT_GE(lost, 91U);
  EXPECT_EQ(lines.size() + lost, 100U);
  EXPECT_TRUE(lines.back().ends_with("n=99\n"));
}

TEST_F(LogTest, ManyThreadsMayLog) {
  Options made = options(Level::info);
  made.repeats_per_second = 0;
  start(std::move(made));
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([thread] {
      for (int at = 0; at < 200; ++at) {
        info("line", {{"thread", thread}, {"n", at}});
      }
    });
  }
  threads.clear();
  EXPECT_EQ(stopped().size(), 800U);
}

TEST(Log, LevelsHaveTheNamesOfTheConfiguration) {
  EXPECT_EQ(parse_level("trace"), Level::trace);
  EXPECT_EQ(parse_level("warning"), Level::warning);
  EXPECT_EQ(parse_level("loud"), std::nullopt);
  EXPECT_EQ(parse_level("off"), std::nullopt);
  EXPECT_EQ(level_of(protocol::Severity::error), Level::error);
}

}  // namespace
}  // namespace sluice::metrics::log
