#include "proxy/operator/events.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice::proxy::op {
namespace {

void log(const Event& event) {
  std::vector<metrics::log::Field> fields;
  const auto add = [&fields](std::string_view name, const std::string& value) {
    if (!value.empty()) {
      fields.push_back({name, value});
    }
  };
  add("pool", event.pool);
  add("text", event.text);
  add("by", event.by);
  if (metrics::log::enabled(event.level)) {
    metrics::log::write_enabled(event.level, event.kind, fields);
  }
}

}  // namespace

void Events::add(Event event) {
  log(event);
  const std::lock_guard lock(mutex_);
  if (kept_.size() == kKept) {
    kept_.pop_front();
  }
  kept_.push_back({++last_, std::chrono::system_clock::now(), std::move(event.kind),
                   std::move(event.pool), std::move(event.text), std::move(event.by)});
}

std::vector<EventView> Events::after(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto first = std::find_if(kept_.begin(), kept_.end(),
                                  [&](const EventView& event) { return event.number > number; });
  return {first, kept_.end()};
}

}  // namespace sluice::proxy::op
