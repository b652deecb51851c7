#include "metrics/repeat_limit.hpp"

#include <utility>

namespace sluice::metrics::log {

bool RepeatLimit::admit(std::string_view event, std::int64_t second) {
  if (per_second_ == 0) {
    return true;
  }
  auto found = windows_.find(event);
  if (found == windows_.end()) {
    found = windows_.emplace(std::string(event), Window{}).first;
  }
  Window& window = found->second;
  if (window.second != second) {
    window.second = second;
    window.admitted = 0;
  }
  if (window.admitted < per_second_) {
    ++window.admitted;
    return true;
  }
  if (window.suppressed++ == 0) {
    ++events_with_suppressed_;
  }
  return false;
}

std::vector<RepeatLimit::Suppressed> RepeatLimit::ended(std::int64_t second) {
  std::vector<Suppressed> told;
  if (events_with_suppressed_ == 0) {
    return told;
  }
  for (auto& [event, window] : windows_) {
    if (window.suppressed > 0 && window.second < second) {
      told.push_back({event, std::exchange(window.suppressed, 0)});
      --events_with_suppressed_;
    }
  }
  return told;
}

}  // namespace sluice::metrics::log
