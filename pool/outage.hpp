#pragma once

// What failed openings say about a backend: when the next one may be tried, and whether those who
// ask should wait for it. Pure.

#include <cstddef>
#include <cstdint>

#include "pool/jitter.hpp"
#include "pool/pool.hpp"

namespace sluice::pool {

class Outage {
 public:
  explicit Outage(const Limits& limits) : limits_(limits) {}

  void opened() {
    up_before_ = true;
    failures_ = 0;
    permanent_ = false;
    stale_ = 0;
  }
  // One that began before forget() has succeeded all the same.
  void opened_of_old() { stale_ -= stale_ > 0 ? 1 : 0; }
  // What is opened from now on is opened otherwise: what failed before says nothing of it, nor do
  // the `in_flight` openings that are under way.
  void forget(std::size_t in_flight) {
    failures_ = 0;
    permanent_ = false;
    stale_ = in_flight;
  }
  // `in_flight`: openings that are still under way. What began before the first failure says
  // nothing new when it fails too.
  void failed(TimePoint now, OpenFailure failure, std::size_t in_flight, Jitter& jitter);

  // True: only one opening at a time, and none before retry_at().
  bool down() const { return failures_ > 0; }
  // The server answers, with a refusal.
  bool permanent() const { return permanent_; }
  TimePoint retry_at() const { return retry_at_; }
  // Down, and not to be waited for.
  bool hopeless(TimePoint now) const { return down() && now >= hopeless_at(); }
  TimePoint hopeless_at() const {
    return permanent_ || !up_before_ ? TimePoint::min() : since_ + limits_.outage_grace;
  }
  std::uint32_t failures() const { return failures_; }

 private:
  const Limits& limits_;
  TimePoint since_{};  // the first failure
  TimePoint retry_at_{};
  std::uint32_t failures_ = 0;
  std::size_t stale_ = 0;  // openings under way that began before the first failure
  bool permanent_ = false;
  bool up_before_ = false;
};

}  // namespace sluice::pool
