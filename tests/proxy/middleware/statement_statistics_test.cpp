#include "proxy/middleware/statement_statistics.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include "asking.hpp"
#include "proxy/middleware/statement_table.hpp"

namespace sluice::proxy::middleware {
namespace {

using namespace std::chrono_literals;
using protocol::Answer;
using protocol::sql::StatementKind;

class StatementStatisticsTest : public testing::Test {
 protected:
  StatementStatisticsTest() {
    identity_.route = "pets";
    identity_.pool = "main";
  }

  // As a chain would have it: allowed, and answered `took` later.
  void run(std::string_view text, Duration took = 1ms, Answer answer = {}, std::string pool = {}) {
    if (part_ == nullptr) {
      part_ = made_.value()->begin({identity_, instruments_, background_, &table_});
    }
    Asked asked;
    asked.at = now_.steady;
    asked.digest = std::make_shared<const protocol::sql::Digest>(protocol::sql::digest(text, {}));
    asked.pool = std::move(pool);
    now_.steady += took;
    now_.wall += 1s;
    part_->on_answer(asked, answer, now_);
  }
  StatementRow row(std::string_view text, std::string_view pool = "main") const {
    for (const StatementRow& one : table_.rows()) {
      if (one.text != nullptr && *one.text == text && one.pool == pool) {
        return one;
      }
    }
    return {};
  }
  static Answer with(Answer::End end, std::uint64_t rows = 0) {
    Answer answer;
    answer.end = end;
    answer.rows = rows;
    return answer;
  }

  metrics::Gauge kept_;
  metrics::Counter evicted_;
  StatementTable table_{kept_, evicted_};
  Identity identity_;
  metrics::MiddlewareInstruments instruments_;
  Background background_{16};
  Made made_{make(config::StatementStatistics{10, 40})};
  std::unique_ptr<Part> part_;
  Now now_{TimePoint(1000s), WallTime(1'700'000'000s)};
};

TEST_F(StatementStatisticsTest, EqualStatementsAreOneRowWithoutTheirLiterals) {
  run("SELECT * FROM pets WHERE id = 4711", 1ms, with(Answer::End::done, 3));
  run("select  *  from pets where id = 'secret'", 3ms, with(Answer::End::done, 4));
  ASSERT_EQ(table_.rows().size(), 1U);
  const StatementRow counted = row("select * from pets where id = ?");
  EXPECT_EQ(counted.times.count(), 2U);
  EXPECT_EQ(counted.rows, 7U);
  EXPECT_EQ(counted.errors, 0U);
  EXPECT_EQ(counted.kind, StatementKind::select);
  EXPECT_EQ(counted.times.total(), 4ms);
  EXPECT_EQ(counted.times.max(), 3ms);
  EXPECT_EQ(counted.last_seen, now_.wall);
  EXPECT_EQ(kept_.value(), 1);
}

TEST_F(StatementStatisticsTest, PoolsAreKeptApart) {
  run("SELECT 1");
  run("SELECT 1", 1ms, {}, "archive");
  run("SELECT 1", 1ms, {}, "archive");
  EXPECT_EQ(row("select ?").times.count(), 1U);
  EXPECT_EQ(row("select ?", "archive").times.count(), 2U);
}

TEST_F(StatementStatisticsTest, OnlyWhatRanIsCounted) {
  run("SELECT 1", 1ms, with(Answer::End::failed));
  run("SELECT 1", 1ms, with(Answer::End::limited, 10));
  run("SELECT 1", 1ms, with(Answer::End::lost));
  run("SELECT 1", 1ms, with(Answer::End::skipped));
  EXPECT_EQ(row("select ?").times.count(), 3U);
  EXPECT_EQ(row("select ?").errors, 3U);
  EXPECT_EQ(row("select ?").rows, 10U);
}

TEST_F(StatementStatisticsTest, LongTextsAreCutBetweenCharacters) {
  run("SELECT name, age, colour FROM pets_of_the_h\u00f6use WHERE id = 1");
  const auto rows = table_.rows();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(*rows[0].text, "select name, age, colour from pets_of_th...");
  run("SELECT name, age, colour FROM pets_of_t\u00f6");
  EXPECT_EQ(row("select name, age, colour from pets_of_t...").times.count(), 1U);
}

TEST_F(StatementStatisticsTest, AFullTablePutsTheRarestTogether) {
  for (int i = 0; i < 20; ++i) {
    run("SELECT frequent FROM pets");
  }
  for (int i = 0; i < 500; ++i) {
    run("SELECT c" + std::to_string(i) + " FROM pets", 1ms, with(Answer::End::done, 1));
    run("SELECT frequent FROM pets");
    ASSERT_LE(table_.rows().size(), 11U);
  }
  EXPECT_EQ(row("select frequent from pets").times.count(), 520U);
  EXPECT_EQ(row("select c499 from pets").times.count(), 1U);
  EXPECT_EQ(row("select c0 from pets").times.count(), 0U);
  const StatementRow others = table_.rows().back();
  EXPECT_EQ(others.fingerprint, 0U);
  EXPECT_EQ(others.text, nullptr);
  std::uint64_t all = 0;
  std::uint64_t rows = 0;
  for (const StatementRow& one : table_.rows()) {
    all += one.times.count();
    rows += one.rows;
  }
  EXPECT_EQ(all, 1020U);  // nothing is lost
  EXPECT_EQ(rows, 500U);
  EXPECT_EQ(others.times.count(), evicted_.value());
  EXPECT_EQ(kept_.value(), static_cast<std::int64_t>(table_.rows().size()) - 1);
}

TEST_F(StatementStatisticsTest, ASmallerEntryThrowsNothingOfALargerOneOut) {
  const auto add = [&](const std::string& column, std::size_t rows) {
    table_.add(protocol::sql::digest("SELECT " + column + " FROM pets", {}), "main",
               {1ms, 0, false, now_.wall}, {rows, 40});
  };
  for (int i = 0; i < 100; ++i) {
    add("large" + std::to_string(i), 200);
  }
  for (int i = 0; i < 50; ++i) {
    add("small" + std::to_string(i), 10);
  }
  EXPECT_EQ(table_.rows().size(), 150U);
  EXPECT_EQ(evicted_.value(), 0U);
  for (int i = 0; i < 500; ++i) {
    add("more" + std::to_string(i), 10);
    ASSERT_LE(table_.rows().size(), 201U);
  }
}

TEST_F(StatementStatisticsTest, WhatWasFrequentOnceGivesItsPlaceUp) {
  for (int i = 0; i < 100; ++i) {
    run("SELECT old FROM pets");
  }
  // Each of these comes ten times and more, and never does the old one again.
  for (int i = 0; i < 2000; ++i) {
    run("SELECT c" + std::to_string(i / 12) + " FROM pets");
  }
  EXPECT_EQ(row("select old from pets").times.count(), 0U);
}

TEST(StatementTimes, TellPercentilesWithinASixteenth) {
  Times times;
  for (int i = 1; i <= 1000; ++i) {
    times.add(std::chrono::microseconds(i * 100));
  }
  const auto near = [](Times::Duration told, Times::Duration truth) {
    return std::abs((told - truth).count()) <= truth.count() / 14;
  };
  EXPECT_TRUE(near(times.at(0.5), 50ms)) << times.at(0.5).count();
  EXPECT_TRUE(near(times.at(0.95), 95ms)) << times.at(0.95).count();
  EXPECT_TRUE(near(times.at(0.99), 99ms)) << times.at(0.99).count();
  EXPECT_EQ(times.max(), 100ms);
  EXPECT_LE(times.at(1), 100ms);
}

TEST(StatementTimes, HoldWhateverTimeThereIs) {
  Times times;
  EXPECT_EQ(times.at(0.99), 0s);
  times.add(-1s);
  EXPECT_EQ(times.at(0.99), 0s);
  times.add(100h);
  EXPECT_EQ(times.at(1), 100h);
  EXPECT_EQ(times.at(0.5), 0s);
}

TEST(StatementTimes, OfOneThingAreThatThing) {
  Times times;
  times.add(3ms);
  EXPECT_LE(times.at(0.5), 3ms);
  EXPECT_GE(times.at(0.5), 2800us);
}

TEST(StatementTables, AreAddedUpByStatementAndPool) {
  metrics::Gauge kept;
  metrics::Counter evicted;
  StatementTable one(kept, evicted);
  StatementTable two(kept, evicted);
  const auto pets = protocol::sql::digest("SELECT * FROM pets", {});
  const auto owners = protocol::sql::digest("SELECT * FROM owners", {});
  one.add(pets, "main", {1ms, 1, false, WallTime(1s)}, {});
  two.add(pets, "main", {5ms, 2, true, WallTime(9s)}, {});
  two.add(pets, "archive", {5ms, 2, false, WallTime(9s)}, {});
  two.add(owners, "main", {5ms, 2, false, WallTime(9s)}, {});
  const auto all = merged({one.rows(), two.rows()});
  ASSERT_EQ(all.size(), 3U);
  const auto sum = std::find_if(all.begin(), all.end(), [&](const StatementRow& row) {
    return row.fingerprint == pets.fingerprint && row.pool == "main";
  });
  EXPECT_EQ(sum->times.count(), 2U);
  EXPECT_EQ(sum->rows, 3U);
  EXPECT_EQ(sum->errors, 1U);
  EXPECT_EQ(sum->last_seen, WallTime(9s));
}

}  // namespace
}  // namespace sluice::proxy::middleware
