#pragma once

// Which sizes a pool has by its schedules: those of the `resize` that came last. It follows from
// the file and the moment alone, so that a restart changes nothing.

#include <cstddef>
#include <optional>
#include <string>

#include "config/config.hpp"

namespace sluice::config::schedule {

// How far back a schedule is looked for that has come.
inline constexpr auto kLookBack = std::chrono::days(366);

struct Sizes {
  std::size_t pool_size = 0;
  int max_overflow = 0;
  std::size_t min_idle = 0;

  friend bool operator==(const Sizes& a, const Sizes& b) = default;
};

// The pool's own.
Sizes sizes_of(const Pool& pool);
// What `resize` makes of them: it does not matter which schedule came before.
Sizes resized(Sizes own, const Schedule& schedule);
void set_sizes(Pool& pool, const Sizes& sizes);

// When a schedule came last, not longer ago than kLookBack.
std::optional<Moment> last_time(const Schedule& schedule, Moment now);

}  // namespace sluice::config::schedule
