#pragma once

// The log of the process: events with fields, to stderr, from a thread of its own. A worker never
// waits for it: the queue between them is bounded, and when it is full the oldest line is dropped
// and counted. A level that is off costs one relaxed load.
//
//   log::info("client_login_failed", {{"user", user}, {"reason", failure.label()}});
//
// docs/logs.md has every event and what its fields mean: one word for one thing there, too.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/log_line.hpp"
#include "protocol/failure.hpp"

namespace sluice::metrics::log {

struct Options {
  Level level = Level::info;
  Format format = Format::text;
  std::size_t queue_lines = 4096;
  std::uint32_t repeats_per_second = 50;  // of one event; 0 = no limit
  // Takes a whole line with its newline, on the log's thread. Empty: stderr.
  std::function<void(std::string_view)> write;
};

// Who or what a line is about: fields that lines of several events have in common, in front of
// their own. It borrows as a Value does, but for what it is given to keep.
class About {
 public:
  About() = default;
  About(About&&) = default;
  About& operator=(About&&) = default;
  // What is empty has nothing to say and is left out.
  About& add(std::string_view key, std::string_view text) {
    if (!text.empty()) {
      fields_.push_back({key, text});
    }
    return *this;
  }
  About& add(std::string_view key, std::uint64_t number) {
    fields_.push_back({key, number});
    return *this;
  }
  About& keep(std::string_view key, std::string text) {
    kept_.push_back(std::move(text));
    return add(key, kept_.back());
  }
  Fields fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
  std::list<std::string> kept_;  // they stay where they are when it moves
};

// trace | debug | info | warning | error; anything else is empty.
std::optional<Level> parse_level(std::string_view name);
Level level_of(protocol::Severity severity);

// Once, before the other threads start; nothing is written before. stop() after they have ended: it
// writes what is queued. Between the two any thread may log.
void start(Options options);
void stop();
void set_level(Level level);
void set_format(Format format);

// Lines lost since start because the queue was full, and lines left out as repeats.
std::uint64_t dropped();
std::uint64_t suppressed();

inline std::atomic<Level> level_now{Level::off};

inline bool enabled(Level level) {
  return level >= level_now.load(std::memory_order_relaxed);
}
void write_enabled(Level level, std::string_view event, Fields fields);

inline void write(Level level, std::string_view event, std::initializer_list<Field> fields = {}) {
  if (enabled(level)) {
    write_enabled(level, event, Fields(fields.begin(), fields.size()));
  }
}
inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::info, event, fields);
}
inline void warning(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::warning, event, fields);
}
inline void error(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::error, event, fields);
}
void write(Level level, std::string_view event, const About& about,
           std::initializer_list<Field> fields = {});
// At the failure's own level, with its label as `reason`, its codes, text and detail after the
// fields.
void failed(std::string_view event, const protocol::Failure& failure,
            std::initializer_list<Field> fields = {});
void failed(std::string_view event, const protocol::Failure& failure, const About& about,
            std::initializer_list<Field> fields = {});

}  // namespace sluice::metrics::log
