#pragma once

// A time zone of the system: between moments and what clocks on the wall show there. The rules are
// those of the system's tzdata when the process first asked for them.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "config/schedule/cron.hpp"

namespace date {
class time_zone;
}

namespace sluice::config::schedule {

using Moment = std::chrono::sys_seconds;

class Zone {
 public:
  Zone() = default;  // UTC, which is there without tzdata

  // By its name in the IANA database. Empty: the system has none of that name.
  static std::optional<Zone> find(const std::string& name);
  // All names that the system has.
  static std::vector<std::string> names();

  const std::string& name() const { return name_; }

  // What clocks show at a moment.
  LocalMinute local(Moment at) const;
  // The latest that clocks have shown up to then: another one where an hour comes twice.
  LocalMinute latest_local(Moment at) const;
  // When clocks show it: for the first time, where they do so twice; where they skip it, when they
  // jump. A later minute is never before an earlier one.
  Moment moment(LocalMinute shown) const;

  friend bool operator==(const Zone& a, const Zone& b) { return a.name_ == b.name_; }

 private:
  std::string name_ = "UTC";
  const date::time_zone* zone_ = nullptr;  // null: UTC; else it lives as long as the process
};

// The moments that an expression means in a zone, the first after `at` and the last until `at`.
// Empty: there is none within decades.
std::optional<Moment> next_after(const Cron& cron, const Zone& zone, Moment at);
std::optional<Moment> last_until(const Cron& cron, const Zone& zone, Moment at);

// "2026-03-29 02:30 Europe/Berlin"
std::string print_local(const Zone& zone, Moment at);

}  // namespace sluice::config::schedule
