#pragma once

// The options of a schedule; see config/fields.hpp.

#include "config/config.hpp"
#include "config/kinds.hpp"
#include "config/schedule/kinds.hpp"

namespace sluice::config {

inline Choice<ScheduleAction> schedule_actions() {
  return {{{"resize", ScheduleAction::resize},
           {"pause", ScheduleAction::pause},
           {"resume", ScheduleAction::resume},
           {"reconnect", ScheduleAction::reconnect},
           {"disable", ScheduleAction::disable},
           {"enable", ScheduleAction::enable}},
          {}};
}

template <typename V>
void fields(V& v, Schedule& s) {
  v.required("cron", s.cron, CronText{},
             "when: minute, hour, day of month, month, day of week, or `@hourly`, `@daily`, "
             "`@weekly`, `@monthly`, `@yearly`");
  v.option("timezone", s.timezone, ZoneName{}, "whose clocks `cron` is about");
  v.required("action", s.action, schedule_actions(),
             "what is done: `resize` gives the pool the sizes below; the others are the console's "
             "commands");
  v.required("pool", s.pool, Name{}, "to which pool");
  v.option("pool_size", s.pool_size, Integer{1, 100000},
           "of `resize`; a size that it does not give is the pool's own");
  v.option("max_overflow", s.max_overflow, Integer{-1, 100000}, "of `resize`, likewise");
  v.option("min_idle", s.min_idle, Integer{0, 100000}, "of `resize`, likewise");
}

}  // namespace sluice::config
