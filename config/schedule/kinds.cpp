#include "config/schedule/kinds.hpp"

#include "config/suggest.hpp"

namespace sluice::config {

std::string CronText::parse(const std::string& text, schedule::Cron& out) const {
  return parse_cron(text, out);
}

std::string ZoneName::parse(const std::string& text, schedule::Zone& out) const {
  auto zone = schedule::Zone::find(text);
  if (zone) {
    out = std::move(*zone);
    return {};
  }
  const auto names = schedule::Zone::names();
  return names.size() == 1 ? "must be UTC: this system has no other time zones (the package tzdata)"
                           : "must be a time zone by its name, such as UTC or Europe/Berlin" +
                                 did_you_mean(text, names);
}

}  // namespace sluice::config
