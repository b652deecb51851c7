#include "config/schedule/in_force.hpp"

namespace sluice::config::schedule {

Sizes sizes_of(const Pool& pool) {
  return {pool.pool_size, pool.max_overflow, pool.min_idle};
}

Sizes resized(Sizes own, const Schedule& schedule) {
  return {schedule.pool_size.value_or(own.pool_size),
          schedule.max_overflow.value_or(own.max_overflow),
          schedule.min_idle.value_or(own.min_idle)};
}

void set_sizes(Pool& pool, const Sizes& sizes) {
  pool.pool_size = sizes.pool_size;
  pool.max_overflow = sizes.max_overflow;
  pool.min_idle = sizes.min_idle;
}

std::optional<Moment> last_time(const Schedule& schedule, Moment now) {
  const auto last = last_until(schedule.cron, schedule.timezone, now);
  return last && *last >= now - kLookBack ? last : std::nullopt;
}

}  // namespace sluice::config::schedule
