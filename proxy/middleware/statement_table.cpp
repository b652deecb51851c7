#include "proxy/middleware/statement_table.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <map>
#include <utility>

namespace sluice::proxy::middleware {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

constexpr unsigned kStepBits = 3;  // eight buckets for each doubling
constexpr std::uint64_t kSteps = 1U << kStepBits;

// At most `size` bytes, and no half of a character at the end.
std::string cut(const std::string& text, std::size_t size) {
  if (text.size() <= size) {
    return text;
  }
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; };
  while (size > 0 && continues(text[size])) {
    --size;
  }
  return text.substr(0, size) + "...";
}

std::uint64_t key_of(std::uint64_t fingerprint, const std::string& pool) {
  return fingerprint ^ (std::hash<std::string>{}(pool)*0x9e3779b97f4a7c15U);
}

}  // namespace

std::size_t Times::bucket_of(std::uint64_t microseconds) {
  if (microseconds < kSteps) {
    return microseconds;
  }
  const auto octave = static_cast<unsigned>(std::bit_width(microseconds)) - 1 - kStepBits;
  const std::uint64_t step = (microseconds >> octave) - kSteps;
  return std::min<std::size_t>((octave + 1) * kSteps + step, kBuckets - 1);
}

Times::Duration Times::middle_of(std::size_t bucket) {
  if (bucket < kSteps) {
    return microseconds(bucket);
  }
  const std::size_t octave = bucket / kSteps - 1;
  const std::uint64_t begin = (kSteps + bucket % kSteps) << octave;
  return microseconds(begin + (std::uint64_t{1} << octave) / 2);
}

void Times::add(Duration took) {
  took = std::max(took, Duration::zero());
  const auto us = static_cast<std::uint64_t>(duration_cast<microseconds>(took).count());
  std::uint32_t& bucket = buckets_[bucket_of(us)];
  bucket += bucket < UINT32_MAX ? 1 : 0;
  ++count_;
  total_ += took;
  max_ = std::max(max_, took);
}

void Times::add(const Times& other) {
  for (std::size_t at = 0; at < kBuckets; ++at) {
    const std::uint64_t sum = std::uint64_t{buckets_[at]} + other.buckets_[at];
    buckets_[at] = static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, UINT32_MAX));
  }
  count_ += other.count_;
  total_ += other.total_;
  max_ = std::max(max_, other.max_);
}

Times::Duration Times::at(double share) const {
  std::uint64_t all = 0;
  for (const std::uint32_t bucket : buckets_) {
    all += bucket;
  }
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(all)));
  std::uint64_t seen = 0;
  for (std::size_t at = 0; at < kBuckets; ++at) {
    seen += buckets_[at];
    if (seen >= wanted && seen > 0) {
      // The last bucket has no end.
      return at + 1 < kBuckets ? std::min(middle_of(at), max_) : max_;
    }
  }
  return Duration::zero();
}

void StatementRow::add(const StatementRow& other) {
  errors += other.errors;
  rows += other.rows;
  times.add(other.times);
  last_seen = std::max(last_seen, other.last_seen);
}

void StatementTable::add(const protocol::sql::Digest& statement, const std::string& pool,
                         const Run& run, const Bounds& bounds) {
  const std::uint64_t key = key_of(statement.fingerprint, pool);
  auto found = places_.find(key);
  if (found == places_.end()) {
    most_ = std::max({most_, bounds.rows, std::size_t{1}});
    if (places_.size() >= most_) {
      make_room();
    }
    found = places_.emplace(key, Place{}).first;
    StatementRow& row = found->second.row;
    row.fingerprint = statement.fingerprint;
    row.text = std::make_shared<const std::string>(cut(statement.text, bounds.text_size));
    row.pool = pool;
    row.kind = statement.kind;
    kept_.set(static_cast<std::int64_t>(places_.size()));
  }
  Place& place = found->second;
  ++place.lately;
  place.row.errors += run.failed ? 1 : 0;
  place.row.rows += run.rows;
  place.row.times.add(run.took);
  place.row.last_seen = run.at;
}

// A tenth at a time, so that a client that never asks the same twice costs little. What stays has
// its past halved: what was frequent once does not keep its place for ever.
void StatementTable::make_room() {
  using At = decltype(places_)::iterator;
  std::vector<At> all;
  all.reserve(places_.size());
  for (auto at = places_.begin(); at != places_.end(); ++at) {
    all.push_back(at);
  }
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>((all.size() + 9) / 10);
  std::nth_element(all.begin(), middle - 1, all.end(), [](At a, At b) {
    return std::pair(a->second.lately, a->second.row.last_seen) <
           std::pair(b->second.lately, b->second.row.last_seen);
  });
  for (auto at = all.begin(); at != middle; ++at) {
    others_.add((*at)->second.row);
    places_.erase(*at);
    evicted_.add();
  }
  for (auto& [key, place] : places_) {
    place.lately /= 2;
  }
}

std::vector<StatementRow> StatementTable::rows() const {
  std::vector<StatementRow> all;
  all.reserve(places_.size() + 1);
  for (const auto& [key, place] : places_) {
    all.push_back(place.row);
  }
  if (others_.times.count() > 0) {
    all.push_back(others_);
  }
  return all;
}

std::vector<StatementRow> merged(std::vector<std::vector<StatementRow>> tables) {
  std::vector<StatementRow> all;
  std::map<std::pair<std::uint64_t, std::string>, std::size_t> places;
  for (auto& table : tables) {
    for (StatementRow& row : table) {
      const auto [place, fresh] = places.emplace(std::pair(row.fingerprint, row.pool), all.size());
      if (fresh) {
        all.push_back(std::move(row));
      } else {
        all[place->second].add(row);
      }
    }
  }
  return all;
}

}  // namespace sluice::proxy::middleware
