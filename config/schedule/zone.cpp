#include "config/schedule/zone.hpp"

#include <date/tz.h>

#include <cstdio>
#include <exception>

namespace sluice::config::schedule {
namespace {

using std::chrono::floor;
using std::chrono::minutes;
using std::chrono::seconds;

date::local_seconds to_date(LocalMinute shown) {
  return date::local_seconds(shown.time_since_epoch());
}

// The library's functions throw for files that it cannot read.
template <typename Ask>
auto asked(Ask ask) -> std::optional<decltype(ask())> {
  try {
    return ask();
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace

std::optional<Zone> Zone::find(const std::string& name) {
  Zone zone;
  if (name == zone.name_) {
    return zone;
  }
  // A zone is read when it is first used: what is no zone, or cannot be read, shows now.
  const auto found = asked([&name] {
    const date::time_zone* one = date::locate_zone(name);
    one->get_info(date::sys_seconds{});
    return one;
  });
  if (!found) {
    return std::nullopt;
  }
  zone.name_ = name;
  zone.zone_ = *found;
  return zone;
}

std::vector<std::string> Zone::names() {
  std::vector<std::string> names{"UTC"};
  asked([&names] {
    for (const date::time_zone& zone : date::get_tzdb().zones) {
      names.push_back(zone.name());
    }
    return true;
  });
  return names;
}

LocalMinute Zone::local(Moment at) const {
  const seconds offset = zone_ == nullptr ? seconds(0) : zone_->get_info(at).offset;
  return LocalMinute(floor<minutes>(at.time_since_epoch() + offset));
}

LocalMinute Zone::latest_local(Moment at) const {
  const LocalMinute now = local(at);
  if (zone_ == nullptr) {
    return now;
  }
  const date::local_info info = zone_->get_info(to_date(now));
  const bool second_time = info.result == date::local_info::ambiguous && at >= info.first.end;
  return second_time ? LocalMinute(floor<minutes>(info.first.end.time_since_epoch() +
                                                  info.first.offset - seconds(1)))
                     : now;
}

Moment Zone::moment(LocalMinute shown) const {
  if (zone_ == nullptr) {
    return Moment(shown.time_since_epoch());
  }
  const date::local_info info = zone_->get_info(to_date(shown));
  return info.result == date::local_info::nonexistent
             ? Moment(info.first.end)
             : Moment(shown.time_since_epoch() - info.first.offset);
}

std::optional<Moment> next_after(const Cron& cron, const Zone& zone, Moment at) {
  for (auto shown = cron.first_from(zone.local(at) + minutes(1)); shown;
       shown = cron.first_from(*shown + minutes(1))) {
    if (const Moment moment = zone.moment(*shown); moment > at) {
      return moment;
    }
  }
  return std::nullopt;
}

std::optional<Moment> last_until(const Cron& cron, const Zone& zone, Moment at) {
  for (auto shown = cron.last_until(zone.latest_local(at)); shown;
       shown = cron.last_until(*shown - minutes(1))) {
    if (const Moment moment = zone.moment(*shown); moment <= at) {
      return moment;
    }
  }
  return std::nullopt;
}

std::string print_local(const Zone& zone, Moment at) {
  const LocalMinute shown = zone.local(at);
  const auto day = floor<std::chrono::days>(shown);
  const std::chrono::year_month_day date(day);
  const int minute = static_cast<int>((shown - day).count());
  char text[32];
  const int length =
      std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d ", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    minute / 60, minute % 60);
  return std::string(text, static_cast<std::size_t>(length)) + zone.name();
}

}  // namespace sluice::config::schedule
