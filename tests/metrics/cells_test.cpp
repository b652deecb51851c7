#include "metrics/cells.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "metrics/registry.hpp"

namespace sluice::metrics {
namespace {

TEST(Histogram, EveryBoundBelongsToItsOwnBucketAndTheNextValueToTheNext) {
  for (std::size_t at = 0; at < kBounds.size(); ++at) {
    EXPECT_EQ(Histogram::bucket_of(kBounds[at] - 1), at);
    EXPECT_EQ(Histogram::bucket_of(kBounds[at]), at);
    EXPECT_EQ(Histogram::bucket_of(kBounds[at] + 1), at + 1);
  }
  EXPECT_EQ(Histogram::bucket_of(0), 0U);
  EXPECT_EQ(Histogram::bucket_of(std::numeric_limits<std::uint64_t>::max()), kBounds.size());
}

TEST(Histogram, LookupAgreesWithASearchForEveryPowerOfTwo) {
  for (unsigned shift = 0; shift < 64; ++shift) {
    for (const int off : {-1, 0, 1}) {
      const std::uint64_t value = (std::uint64_t{1} << shift) + static_cast<std::uint64_t>(off);
      const auto found = std::lower_bound(kBounds.begin(), kBounds.end(), value);
      EXPECT_EQ(Histogram::bucket_of(value),
                static_cast<std::size_t>(std::distance(kBounds.begin(), found)))
          << value;
    }
  }
}

TEST(Histogram, SumsAndCountsWhatItSaw) {
  Histogram histogram;
  histogram.observe(std::chrono::milliseconds(2));
  histogram.observe_seconds(0.5);
  histogram.observe(std::chrono::nanoseconds(-7));
  EXPECT_EQ(histogram.sum_nanoseconds(), 502'000'000U);
  EXPECT_EQ(histogram.bucket(0), 1U);
  EXPECT_EQ(histogram.bucket(Histogram::bucket_of(2'000'000)), 1U);
  EXPECT_EQ(histogram.bucket(Histogram::bucket_of(500'000'000)), 1U);
}

// For ThreadSanitizer, and: a scrape never sees a count go back, nor a bucket above the count.
TEST(Registry, WorkersWriteWhileOthersScrape) {
  constexpr std::uint64_t kRounds = 20'000;
  Registry registry("test");
  std::vector<std::jthread> workers;
  for (int at = 0; at < 3; ++at) {
    workers.emplace_back([&registry] {
      PoolInstruments& pool = registry.add_pool("pets");
      ListenerInstruments& listener = registry.add_listener("pg");
      for (std::uint64_t round = 0; round < kRounds; ++round) {
        ClientPresence presence(listener);
        presence.become(ClientState::active);
        pool.transactions.add();
        pool.wait.observe(std::chrono::microseconds(round));
      }
    });
  }
  double last = 0;
  for (int scrape = 0; scrape < 20; ++scrape) {
    for (const auto& family : registry.Collect()) {
      if (family.name == "sluice_transactions_total") {
        EXPECT_GE(family.metric.at(0).counter.value, last);
        last = family.metric.at(0).counter.value;
      } else if (family.name == "sluice_pool_wait_seconds") {
        const auto& histogram = family.metric.at(0).histogram;
        EXPECT_LE(histogram.bucket.back().cumulative_count, histogram.sample_count);
      }
    }
  }
  workers.clear();
  const std::string text = registry.render();
  EXPECT_NE(text.find("sluice_transactions_total{pool=\"pets\"} 60000\n"), std::string::npos);
  EXPECT_NE(text.find("sluice_pool_wait_seconds_count{pool=\"pets\"} 60000\n"), std::string::npos);
  EXPECT_NE(text.find("sluice_client_connections{listener=\"pg\",state=\"active\"} 0\n"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::metrics
