#pragma once

// The log of the process: events with fields, to stderr, from a thread of its own. A worker never
// waits for it: the queue between them is bounded, and when it is full the oldest line is dropped
// and counted. A level that is off costs one relaxed load.
//
//   log::info("client_login_failed", {{"user", user}, {"reason", failure.label()}});

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string_view>

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
// At the failure's own level, with its label as `reason` and its text and detail after the fields.
void failed(std::string_view event, const protocol::Failure& failure,
            std::initializer_list<Field> fields = {});

}  // namespace sluice::metrics::log
