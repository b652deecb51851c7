#pragma once

#include <string>

#include "config/schedule/zone.hpp"

namespace sluice::config::test {

// "2026-03-01 08:50", in UTC.
inline schedule::Moment moment(const std::string& text) {
  const auto number = [&text](std::size_t from, std::size_t length) {
    return static_cast<unsigned>(std::stoul(text.substr(from, length)));
  };
  const std::chrono::year_month_day day(std::chrono::year(static_cast<int>(number(0, 4))),
                                        std::chrono::month(number(5, 2)),
                                        std::chrono::day(number(8, 2)));
  return std::chrono::sys_days(day) + std::chrono::hours(number(11, 2)) +
         std::chrono::minutes(number(14, 2));
}

}  // namespace sluice::config::test
