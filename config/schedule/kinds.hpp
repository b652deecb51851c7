#pragma once

// The kinds of value that schedules have; see config/kinds.hpp.

#include <string>

#include "config/schedule/cron.hpp"
#include "config/schedule/zone.hpp"

namespace sluice::config {

struct CronText {
  std::string parse(const std::string& text, schedule::Cron& out) const;
  std::string type() const { return "cron expression"; }
  std::string print(const schedule::Cron& value) const { return value.text; }
};

struct ZoneName {
  std::string parse(const std::string& text, schedule::Zone& out) const;
  std::string type() const { return "time zone"; }
  std::string print(const schedule::Zone& value) const { return value.name(); }
};

}  // namespace sluice::config
