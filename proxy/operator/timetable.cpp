#include "proxy/operator/timetable.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace sluice::proxy::op {
namespace {

using config::ScheduleAction;
using config::schedule::Sizes;

constexpr auto kLongestLook = std::chrono::minutes(1);
// Looks that are further apart than this have missed something: the process was stopped, or the
// clock was set.
constexpr auto kGap = std::chrono::minutes(2);

}  // namespace

Timetable::Timetable(const config::Config& file, Moment now, const Timetable& before) {
  std::vector<bool> taken(before.entries_.size());
  for (const config::Schedule& schedule : file.schedules) {
    std::size_t same = 0;
    while (same < taken.size() && (taken[same] || before.entries_[same].schedule != schedule)) {
      ++same;
    }
    if (same < taken.size()) {
      taken[same] = true;
      entries_.push_back(before.entries_[same]);  // what has come meanwhile is still to be done
    } else {
      Entry& entry = entries_.emplace_back(Entry{schedule, Past(now), now, {}});
      entry.next = next_of(entry, now);
    }
  }
  for (const config::Pool& pool : file.pools) {
    own_.emplace(pool.name, config::schedule::sizes_of(pool));
  }
}

// Times that it has been through already, before the clock was set back, are passed over.
std::optional<Moment> Timetable::next_of(const Entry& entry, Moment now) {
  const auto after = [&entry](Moment at) {
    return config::schedule::next_after(entry.schedule.cron, entry.schedule.timezone, at);
  };
  auto next = after(entry.past.end_of(now));
  while (next && entry.past.holds(*next)) {
    next = after(entry.past.end_of(*next));
  }
  return next;
}

// The time for which it is due, if it is.
std::optional<Moment> Timetable::look_at(Entry& entry, Moment now) {
  const Moment seen = std::exchange(entry.seen, now);
  if (now < seen) {  // the clock was set back: what comes is new, unless it has been through it
    entry.next = next_of(entry, now);
    return std::nullopt;
  }
  if (entry.next && now < *entry.next) {
    entry.past.add(seen, now);
    return std::nullopt;
  }
  auto due = config::schedule::last_until(entry.schedule.cron, entry.schedule.timezone, now);
  if (due && (*due <= seen || entry.past.holds(*due))) {
    due.reset();
  }
  // What was missed may still come, if the clock was wrong and is set back.
  entry.past.add(due && now - seen > kGap ? *due : seen, now);
  entry.next = next_of(entry, now);
  return due;
}

std::vector<Timetable::Due> Timetable::due(Moment now) {
  std::vector<Due> all;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (const auto at = look_at(entries_[i], now)) {
      all.push_back({i, *at});
    }
  }
  std::sort(all.begin(), all.end(), [](const Due& a, const Due& b) {
    return std::tie(a.at, a.index) < std::tie(b.at, b.index);
  });
  std::map<std::string, std::size_t> sizes;  // the last of each pool
  const auto resizes = [this](const Due& one) {
    return entries_[one.index].schedule.action == ScheduleAction::resize;
  };
  for (const Due& one : all) {
    if (resizes(one)) {
      sizes[entries_[one.index].schedule.pool] = one.index;
    }
  }
  std::erase_if(all, [&](const Due& one) {
    return resizes(one) && sizes[entries_[one.index].schedule.pool] != one.index;
  });
  return all;
}

void Timetable::ran(const Due& due, bool ok) {
  Entry& entry = entries_.at(due.index);
  entry.last_run = due.at;
  entry.last_ok = ok;
}

Moment Timetable::next_look(Moment now) const {
  Moment look = now + kLongestLook;
  for (const Entry& entry : entries_) {
    look = std::min(look, entry.next.value_or(look));
  }
  return look;
}

std::map<std::string, Timetable::InForce> Timetable::in_force(Moment now) const {
  std::map<std::string, InForce> all;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    if (entry.schedule.action != ScheduleAction::resize) {
      continue;
    }
    const auto since = config::schedule::last_time(entry.schedule, entry.past.end_of(now));
    if (!since) {
      continue;
    }
    const InForce one{i, *since, sizes_of(entry.schedule)};
    const auto [known, first] = all.emplace(entry.schedule.pool, one);
    if (!first && known->second.since <= *since) {
      known->second = one;
    }
  }
  return all;
}

Sizes Timetable::sizes_of(const config::Schedule& schedule) const {
  return config::schedule::resized(own_.at(schedule.pool), schedule);
}

}  // namespace sluice::proxy::op
