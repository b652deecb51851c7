#include "config/schedule/in_force.hpp"

#include <gtest/gtest.h>

#include "tests/config/schedule/moments.hpp"

namespace sluice::config::schedule {
namespace {

using test::moment;

Schedule yearly(const std::string& cron) {
  Schedule schedule;
  EXPECT_EQ(parse_cron(cron, schedule.cron), "");
  return schedule;
}

TEST(InForce, what_a_resize_leaves_out_is_the_pools_own) {
  Pool pool;
  pool.pool_size = 15;
  pool.max_overflow = 5;
  pool.min_idle = 2;
  Schedule schedule;
  EXPECT_EQ(resized(sizes_of(pool), schedule), (Sizes{15, 5, 2}));
  schedule.pool_size = 40;
  EXPECT_EQ(resized(sizes_of(pool), schedule), (Sizes{40, 5, 2}));
  schedule.max_overflow = -1;
  schedule.min_idle = 0;
  set_sizes(pool, resized(sizes_of(pool), schedule));
  EXPECT_EQ(sizes_of(pool), (Sizes{40, -1, 0}));
}

TEST(InForce, looks_back_for_a_leap_year) {
  const Schedule schedule = yearly("0 12 1 3 *");
  EXPECT_EQ(last_time(schedule, moment("2026-03-01 12:00")), moment("2026-03-01 12:00"));
  EXPECT_EQ(last_time(schedule, moment("2026-03-01 11:59")), moment("2025-03-01 12:00"));
  EXPECT_EQ(last_time(schedule, moment("2028-03-01 11:59")), moment("2027-03-01 12:00"));
  const Schedule leap = yearly("0 0 29 2 *");
  EXPECT_EQ(last_time(leap, moment("2029-03-01 00:00")), moment("2028-02-29 00:00"));
  EXPECT_EQ(last_time(leap, moment("2029-03-02 00:00")), std::nullopt);
}

}  // namespace
}  // namespace sluice::config::schedule
