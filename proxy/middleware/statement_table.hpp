#pragma once

// Statement statistics of one worker: how often each kind of statement ran in each pool, for how
// long, with how many rows and errors. On the worker's thread alone, so that nothing is locked on
// the way of a query; who wants to see it asks the worker for a copy.
//
// It is bounded. What does not fit makes room: a tenth of the rows, those that were used least
// lately, is put together into one row for all others. Its fingerprint is 0 and it has no text.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "metrics/cells.hpp"
#include "protocol/sql/digest.hpp"

namespace sluice::proxy::middleware {

// How long things took, so that percentiles can be told: eight buckets for each doubling, from a
// microsecond to a minute and a half. What it tells is within a sixteenth of the truth.
class Times {
 public:
  using Duration = std::chrono::steady_clock::duration;

  void add(Duration took);
  void add(const Times& other);
  // So that `share` (0.99) of all took no longer; zero when there are none.
  Duration at(double share) const;
  Duration total() const { return total_; }
  Duration max() const { return max_; }
  std::uint64_t count() const { return count_; }

 private:
  static constexpr std::size_t kBuckets = 200;
  static std::size_t bucket_of(std::uint64_t microseconds);
  static Duration middle_of(std::size_t bucket);

  std::array<std::uint32_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  Duration total_{0};
  Duration max_{0};
};

struct StatementRow {
  std::uint64_t fingerprint = 0;            // 0: of all others
  std::shared_ptr<const std::string> text;  // normalised; null: of all others
  std::string pool;
  protocol::sql::StatementKind kind = protocol::sql::StatementKind::other;
  std::uint64_t errors = 0;
  std::uint64_t rows = 0;
  Times times;  // and so the count
  std::chrono::system_clock::time_point last_seen{};

  // Both are of the same statement and pool, or this one is of all others.
  void add(const StatementRow& other);
};

class StatementTable {
 public:
  // Where it counts its rows, and those that it has put together.
  StatementTable(metrics::Gauge& kept, metrics::Counter& evicted)
      : kept_(kept), evicted_(evicted) {}
  StatementTable(const StatementTable&) = delete;
  StatementTable& operator=(const StatementTable&) = delete;

  struct Bounds {
    // Without the one for all others. Of several that share the table, the most counts: a smaller
    // one would throw out what the others have counted, a tenth for each of its new statements.
    std::size_t rows = 1000;
    std::size_t text_size = 1024;  // bytes of a text; the rest is cut
  };
  struct Run {
    Times::Duration took{0};
    std::uint64_t rows = 0;
    bool failed = false;
    std::chrono::system_clock::time_point at{};
  };
  void add(const protocol::sql::Digest& statement, const std::string& pool, const Run& run,
           const Bounds& bounds);

  // A copy, in no order; the row for all others comes last, if it has anything.
  std::vector<StatementRow> rows() const;

 private:
  struct Place {
    StatementRow row;
    std::uint64_t lately = 0;  // runs, of which older ones count less
  };
  void make_room();

  metrics::Gauge& kept_;
  metrics::Counter& evicted_;
  std::size_t most_ = 0;  // rows that it was ever allowed
  // By fingerprint and pool together: should 64 bits ever collide, two rows are one.
  std::unordered_map<std::uint64_t, Place> places_;
  StatementRow others_;
};

// What the tables of several workers say together; the rows for all others become one.
std::vector<StatementRow> merged(std::vector<std::vector<StatementRow>> tables);

}  // namespace sluice::proxy::middleware
