#pragma once

// When something is to be done again and again, as crontab(5) writes it: five fields, or one of the
// words for common ones. It knows a local calendar alone; zone.hpp brings it into a time zone.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace sluice::config::schedule {

// A minute as clocks on the wall show it somewhere.
using LocalMinute = std::chrono::local_time<std::chrono::minutes>;

// Bit n of a field stands for its value n.
struct Cron {
  std::string text;  // as it was written
  std::uint64_t minutes = 0;
  std::uint32_t hours = 0;
  std::uint32_t days = 0;      // of the month, from 1
  std::uint32_t months = 0;    // from 1
  std::uint32_t weekdays = 0;  // 0 = Sunday; 7 is not used
  // The field begins with a star. Where neither does, a day that fits one of the two is enough.
  bool any_day = true;
  bool any_weekday = true;

  // The nearest minute that fits, from the given one on or back, itself included. Empty: there is
  // none within decades.
  std::optional<LocalMinute> first_from(LocalMinute from) const;
  std::optional<LocalMinute> last_until(LocalMinute until) const;

  friend bool operator==(const Cron& a, const Cron& b) = default;
};

// Returns what is wrong, and in which field; "" when nothing is. One that no day can ever fit, such
// as 30 February, is wrong.
std::string parse_cron(const std::string& text, Cron& out);

}  // namespace sluice::config::schedule
