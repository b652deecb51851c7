#pragma once

// When the schedules of a configuration come, and which of them are in force. Pure: it is told what
// time it is, by a clock that may be set, or stand still, at any moment. Each time of a schedule
// comes once; of those that were missed only the last one does.

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/schedule/in_force.hpp"
#include "proxy/operator/past.hpp"

namespace sluice::proxy::op {

class Timetable {
 public:
  struct Entry {
    config::Schedule schedule;
    Past past;
    Moment seen;                       // when it was looked at last
    std::optional<Moment> next;        // empty: not within decades
    std::optional<Moment> last_run{};  // by this process
    bool last_ok = true;
  };
  // What is to be done: an entry, and the time that it is done for.
  struct Due {
    std::size_t index;
    Moment at;
  };
  // The `resize` that decides a pool's sizes.
  struct InForce {
    std::size_t index;
    Moment since;
    config::schedule::Sizes sizes;
  };

  Timetable() = default;
  // Of a file, whose pools have the sizes of the file. A schedule that `before` has as well goes on
  // with what has come of it; a new one comes from now on.
  Timetable(const config::Config& file, Moment now, const Timetable& before);

  const std::vector<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }

  // What has come since it was asked last, in that order. Of several sizes for a pool only the last
  // ones are due.
  std::vector<Due> due(Moment now);
  void ran(const Due& due, bool ok);
  // When to ask again: for the next one, in a minute at the latest, as the clock may be set.
  Moment next_look(Moment now) const;

  // By pool.
  std::map<std::string, InForce> in_force(Moment now) const;
  // What a `resize` makes of its pool.
  config::schedule::Sizes sizes_of(const config::Schedule& schedule) const;

 private:
  static std::optional<Moment> next_of(const Entry& entry, Moment now);
  static std::optional<Moment> look_at(Entry& entry, Moment now);

  std::vector<Entry> entries_;
  std::map<std::string, config::schedule::Sizes> own_;  // of the pools, by the file
};

}  // namespace sluice::proxy::op
