#include "config/schedule/cron.hpp"

namespace sluice::config::schedule {
namespace {

using std::chrono::days;
using std::chrono::local_days;

constexpr int kMinutesOfDay = 24 * 60;
// Leap days that fall on a given weekday are 40 years apart at most, where a century has none.
constexpr auto kFarthest = days(41 * 366);

bool has(std::uint64_t bits, unsigned value) {
  return (bits >> value & 1U) != 0;
}

bool fits_day(const Cron& cron, local_days day) {
  const std::chrono::year_month_day date(day);
  if (!has(cron.months, static_cast<unsigned>(date.month()))) {
    return false;
  }
  const bool of_month = has(cron.days, static_cast<unsigned>(date.day()));
  const bool of_week = has(cron.weekdays, std::chrono::weekday(day).c_encoding());
  return cron.any_day || cron.any_weekday ? of_month && of_week : of_month || of_week;
}

bool fits_minute(const Cron& cron, int minute) {
  return has(cron.hours, static_cast<unsigned>(minute / 60)) &&
         has(cron.minutes, static_cast<unsigned>(minute % 60));
}

int minute_of_day(LocalMinute at, local_days day) {
  return static_cast<int>((at - day).count());
}

}  // namespace

std::optional<LocalMinute> Cron::first_from(LocalMinute from) const {
  const auto first = std::chrono::floor<std::chrono::days>(from);
  for (local_days day = first; day <= first + kFarthest; day += std::chrono::days(1)) {
    if (!fits_day(*this, day)) {
      continue;
    }
    for (int at = day == first ? minute_of_day(from, day) : 0; at < kMinutesOfDay; ++at) {
      if (fits_minute(*this, at)) {
        return day + std::chrono::minutes(at);
      }
    }
  }
  return std::nullopt;
}

std::optional<LocalMinute> Cron::last_until(LocalMinute until) const {
  const auto last = std::chrono::floor<std::chrono::days>(until);
  for (local_days day = last; day >= last - kFarthest; day -= std::chrono::days(1)) {
    if (!fits_day(*this, day)) {
      continue;
    }
    for (int at = day == last ? minute_of_day(until, day) : kMinutesOfDay - 1; at >= 0; --at) {
      if (fits_minute(*this, at)) {
        return day + std::chrono::minutes(at);
      }
    }
  }
  return std::nullopt;
}

}  // namespace sluice::config::schedule
