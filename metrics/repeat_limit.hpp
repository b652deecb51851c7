#pragma once

// So many lines of one event per second, and then one line that says how many were left out.
// It knows no clock. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::metrics::log {

class RepeatLimit {
 public:
  // 0 = no limit.
  explicit RepeatLimit(std::uint32_t per_second) : per_second_(per_second) {}

  // `second` is any count of seconds that does not go back.
  bool admit(std::string_view event, std::int64_t second);

  struct Suppressed {
    std::string event;
    std::uint64_t count;
  };
  // What was left out in seconds before this one and has not been told yet. Costs nothing while
  // nothing was left out.
  std::vector<Suppressed> ended(std::int64_t second);

 private:
  struct Window {
    std::int64_t second = 0;
    std::uint32_t admitted = 0;
    std::uint64_t suppressed = 0;
  };

  std::uint32_t per_second_;
  std::size_t events_with_suppressed_ = 0;
  std::map<std::string, Window, std::less<>> windows_;  // events are literals: few
};

}  // namespace sluice::metrics::log
