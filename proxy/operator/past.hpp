#pragma once

// The time on the wall that a process has been through. The clock may be set, back as well, so that
// it need not be one stretch: what is in it is not to happen once more. Pure.

#include <cstddef>
#include <vector>

#include "config/schedule/zone.hpp"

namespace sluice::proxy::op {

using config::schedule::Moment;

class Past {
 public:
  // Begins anew: only this moment.
  explicit Past(Moment now) : stretches_{{now, now}} {}

  // Both ends belong to it.
  void add(Moment from, Moment until);
  bool holds(Moment at) const { return find(at) != nullptr; }
  // The end of the stretch that `at` is in; `at` itself where it is in none.
  Moment end_of(Moment at) const;

 private:
  struct Stretch {
    Moment from;
    Moment until;
  };
  // Each setting of the clock may add one; so many are remembered, the youngest.
  static constexpr std::size_t kMost = 16;

  const Stretch* find(Moment at) const;

  std::vector<Stretch> stretches_;  // they touch nowhere; in the order in which they were added to
};

}  // namespace sluice::proxy::op
