#pragma once

// What has happened that an operator may want to be told of: the newest are kept, and each is
// logged once. Thread-safe.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "metrics/log.hpp"
#include "proxy/operator/views.hpp"

namespace sluice::proxy::op {

// `kind` is also the event's name in the log. No secret may be in any of it.
struct Event {
  std::string kind;
  std::string pool;
  std::string text;
  std::string by;
  metrics::log::Level level = metrics::log::Level::info;
};

class Events {
 public:
  static constexpr std::size_t kKept = 512;

  void add(Event event);
  // Those with a number above `number` that are still kept, oldest first.
  std::vector<EventView> after(std::uint64_t number) const;

 private:
  mutable std::mutex mutex_;
  std::deque<EventView> kept_;
  std::uint64_t last_ = 0;
};

}  // namespace sluice::proxy::op
