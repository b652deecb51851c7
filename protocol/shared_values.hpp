#pragma once

// Equal values that many sessions have at once, kept in memory once: share() gives the one that is
// there already, for as long as anybody has it. What is handed out is immutable. One thread at a
// time; the values themselves may go to other threads.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

namespace sluice::protocol {

// `T` has operator==.
template <typename T>
class SharedValues {
 public:
  // `hash` is of the value; values that merely have the same hash are told apart.
  std::shared_ptr<const T> share(T value, std::uint64_t hash) {
    auto [at, end] = known_.equal_range(hash);
    for (; at != end; ++at) {
      if (auto same = at->second.lock(); same && *same == value) {
        return same;
      }
    }
    if (known_.size() >= sweep_at_) {
      std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
      sweep_at_ = std::max(kSweep, known_.size() * 2);
    }
    // Two allocations, so that the value does not stay for as long as it is remembered.
    std::shared_ptr<const T> fresh(new T(std::move(value)));
    known_.emplace(hash, fresh);
    return fresh;
  }
  std::size_t size() const { return known_.size(); }

 private:
  static constexpr std::size_t kSweep = 64;

  std::unordered_multimap<std::uint64_t, std::weak_ptr<const T>> known_;
  std::size_t sweep_at_ = kSweep;
};

}  // namespace sluice::protocol
