#include "config/schedule/checks.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/rules.hpp"
#include "config/schedule/fields.hpp"
#include "config/schedule/in_force.hpp"
#include "config/suggest.hpp"

namespace sluice::config {
namespace {

std::string path_of(std::size_t index) {
  return "schedules[" + std::to_string(index) + "]";
}

const Pool* find_pool(const Config& config, const Schedule& schedule, const Rules& rules,
                      Report& report) {
  const Pool* pool = config.find_pool(schedule.pool);
  const bool sure = !schedule.pool.empty() && !report.doubtful("pools") &&
                    !report.doubtful(rules.at("pool")) && !report.given("pools." + schedule.pool);
  if (pool == nullptr && sure) {
    std::vector<std::string> names;
    for (const Pool& one : config.pools) {
      names.push_back(one.name);
    }
    report.error(rules.at("pool"),
                 "there is no pool " + quoted(schedule.pool) + did_you_mean(schedule.pool, names));
  }
  return pool;
}

void check_arguments(const Schedule& schedule, Rules& rules) {
  if (!rules.given("action") || rules.doubtful({"action"})) {
    return;
  }
  const bool resizes = schedule.action == ScheduleAction::resize;
  const std::array<std::pair<std::string_view, bool>, 3> sizes{
      {{"pool_size", schedule.pool_size.has_value()},
       {"max_overflow", schedule.max_overflow.has_value()},
       {"min_idle", schedule.min_idle.has_value()}}};
  bool any = false;
  for (const auto& [size, given] : sizes) {
    any = any || given;
    rules.refuse({size}, given && !resizes,
                 "is for resize, and the action is " + schedule_actions().print(schedule.action));
  }
  rules.refuse({"action"}, resizes && !any, "resize needs pool_size, max_overflow or min_idle");
}

std::string beside(std::size_t left, std::string_view relation, std::size_t right) {
  return " (" + std::to_string(left) + " " + std::string(relation) + " " + std::to_string(right) +
         ")";
}

// What the pool itself could not be given in the file either. Of two options that contradict each
// other the schedule's own is told.
void check_sizes(const Schedule& schedule, const Pool& pool, Rules& rules, const Report& report) {
  const auto doubtful = [&](std::string_view option) {
    return report.doubtful("pools." + pool.name + "." + std::string(option)) ||
           rules.doubtful({option});
  };
  if (schedule.action != ScheduleAction::resize || doubtful("pool_size") || doubtful("min_idle")) {
    return;
  }
  const schedule::Sizes sizes = resized(schedule::sizes_of(pool), schedule);
  const bool too_many = sizes.min_idle > sizes.pool_size;
  const std::string_view whose = schedule.pool_size ? "pool_size" : "pool_size of the pool";
  rules.refuse({"min_idle"}, too_many,
               "is more than " + std::string(whose) + beside(sizes.min_idle, ">", sizes.pool_size));
  rules.refuse({"pool_size"}, too_many && !schedule.min_idle,
               "is less than min_idle of the pool" + beside(sizes.pool_size, "<", sizes.min_idle));
  const auto check_cap = [&](std::string_view name, std::size_t cap) {
    if (cap == 0 || doubtful(name)) {
      return;
    }
    rules.refuse(
        {"min_idle"}, sizes.min_idle > cap,
        "is more than " + std::string(name) + " of the pool" + beside(sizes.min_idle, ">", cap));
    rules.warn({"pool_size"}, sizes.pool_size > cap,
               "is more than " + std::string(name) +
                   " of the pool, so that it can never be reached" +
                   beside(sizes.pool_size, ">", cap));
  };
  check_cap("max_db_connections", pool.max_db_connections);
  check_cap("max_user_connections", pool.max_user_connections);
}

bool same_moments(const Schedule& a, const Schedule& b) {
  schedule::Cron one = a.cron;
  one.text = b.cron.text;  // however it is written
  return one == b.cron && a.timezone == b.timezone;
}

// Of two that always come together the first would have no effect, or both the same.
void check_double(const Config& config, std::size_t index, Rules& rules, const Report& report) {
  const Schedule& later = config.schedules[index];
  if (later.cron.text.empty() || later.pool.empty()) {
    return;
  }
  for (std::size_t i = 0; i < index; ++i) {
    const Schedule& earlier = config.schedules[i];
    if (earlier.pool == later.pool && earlier.action == later.action &&
        same_moments(earlier, later) && !report.doubtful_within(path_of(i))) {
      rules.warn({"cron", "timezone", "action", "pool"}, true,
                 "comes whenever " + path_of(i) + " in line " +
                     std::to_string(report.where(path_of(i)).line) +
                     " comes, for the same pool and action: it alone has an effect");
      return;
    }
  }
}

}  // namespace

void check_schedules(const Config& config, Report& report) {
  constexpr std::size_t kMost = 1000;
  if (config.schedules.size() > kMost) {
    report.error("schedules", "has more than " + std::to_string(kMost) + " entries");
    return;
  }
  for (std::size_t i = 0; i < config.schedules.size() && !report.full(); ++i) {
    const Schedule& schedule = config.schedules[i];
    Rules rules(path_of(i), report);
    const Pool* pool = find_pool(config, schedule, rules, report);
    check_arguments(schedule, rules);
    if (pool != nullptr) {
      check_sizes(schedule, *pool, rules, report);
    }
    check_double(config, i, rules, report);
  }
}

}  // namespace sluice::config
