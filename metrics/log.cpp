#include "metrics/log.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>

#include "metrics/repeat_limit.hpp"

namespace sluice::metrics::log {
namespace {

using std::chrono::system_clock;

// The queue's thread alone calls it. Lines come formatted; spdlog only carries them.
class LineSink : public spdlog::sinks::sink {
 public:
  explicit LineSink(std::function<void(std::string_view)> write) : write_(std::move(write)) {}

  void log(const spdlog::details::log_msg& message) override {
    const std::string_view line(message.payload.data(), message.payload.size());
    if (write_) {
      write_(line);
    } else {
      std::fwrite(line.data(), 1, line.size(), stderr);
    }
  }
  void flush() override { std::fflush(stderr); }
  void set_pattern(const std::string& /*pattern*/) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter> /*formatter*/) override {}

 private:
  std::function<void(std::string_view)> write_;
};

class Log {
 public:
  explicit Log(Options options)
      : format_(options.format),
        queue_(std::make_shared<spdlog::details::thread_pool>(options.queue_lines, 1)),
        logger_(std::make_shared<spdlog::async_logger>(
            "sluice", std::make_shared<LineSink>(std::move(options.write)), queue_,
            spdlog::async_overflow_policy::overrun_oldest)),
        repeats_(options.repeats_per_second) {
    logger_->set_level(spdlog::level::trace);
  }
  ~Log() { tell_suppressed(repeats_.ended(INT64_MAX), system_clock::now()); }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void write(Level level, std::string_view event, Fields fields) {
    const auto now = system_clock::now();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
    std::vector<RepeatLimit::Suppressed> ended;
    bool admitted = false;
    {
      const std::lock_guard lock(mutex_);
      // A wall clock that is set back must not open a window again.
      second_ = std::max<std::int64_t>(second_, seconds.count());
      ended = repeats_.ended(second_);
      admitted = repeats_.admit(event, second_);
    }
    tell_suppressed(ended, now);
    if (!admitted) {
      suppressed_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    put({now, level, event, fields});
  }

  void set_format(Format format) { format_.store(format, std::memory_order_relaxed); }
  std::uint64_t dropped() const { return queue_->overrun_counter(); }
  std::uint64_t suppressed() const { return suppressed_.load(std::memory_order_relaxed); }

 private:
  void put(const Line& line) {
    std::string text = format_line(line, format_.load(std::memory_order_relaxed));
    text.push_back('\n');
    logger_->log(spdlog::level::info, spdlog::string_view_t(text.data(), text.size()));
  }

  void tell_suppressed(const std::vector<RepeatLimit::Suppressed>& ended,
                       system_clock::time_point now) {
    for (const auto& one : ended) {
      const std::array<Field, 2> fields{{{"repeated", one.event}, {"lines", one.count}}};
      put({now, Level::warning, "log_repeats_suppressed", fields});
    }
  }

  std::atomic<Format> format_;
  std::shared_ptr<spdlog::details::thread_pool> queue_;
  std::shared_ptr<spdlog::async_logger> logger_;
  std::atomic<std::uint64_t> suppressed_{0};
  std::mutex mutex_;
  std::int64_t second_ = 0;
  RepeatLimit repeats_;
};

std::unique_ptr<Log> the_log;  // set by start(), cleared by stop(); see their contract

}  // namespace

std::optional<Level> parse_level(std::string_view name) {
  for (const Level level :
       {Level::trace, Level::debug, Level::info, Level::warning, Level::error}) {
    if (level_name(level) == name) {
      return level;
    }
  }
  return std::nullopt;
}

Level level_of(protocol::Severity severity) {
  switch (severity) {
    case protocol::Severity::debug:
      return Level::debug;
    case protocol::Severity::info:
      return Level::info;
    case protocol::Severity::warning:
      return Level::warning;
    case protocol::Severity::error:
      break;
  }
  return Level::error;
}

void start(Options options) {
  const Level level = options.level;
  the_log = std::make_unique<Log>(std::move(options));
  level_now.store(level);
}

void stop() {
  level_now.store(Level::off);
  the_log.reset();
}

void set_level(Level level) {
  if (the_log) {
    level_now.store(level);
  }
}

void set_format(Format format) {
  if (the_log) {
    the_log->set_format(format);
  }
}

std::uint64_t dropped() {
  return the_log ? the_log->dropped() : 0;
}
std::uint64_t suppressed() {
  return the_log ? the_log->suppressed() : 0;
}

void write_enabled(Level level, std::string_view event, Fields fields) {
  if (the_log && level != Level::off) {
    the_log->write(level, event, fields);
  }
}

void write(Level level, std::string_view event, const About& about,
           std::initializer_list<Field> fields) {
  if (enabled(level)) {
    std::vector<Field> all(about.fields().begin(), about.fields().end());
    all.insert(all.end(), fields);
    write_enabled(level, event, all);
  }
}

void failed(std::string_view event, const protocol::Failure& failure,
            std::initializer_list<Field> fields) {
  failed(event, failure, About(), fields);
}

void failed(std::string_view event, const protocol::Failure& failure, const About& about,
            std::initializer_list<Field> fields) {
  const Level level = level_of(protocol::failure_row(failure.kind).severity);
  if (!enabled(level)) {
    return;
  }
  std::vector<Field> all(about.fields().begin(), about.fields().end());
  all.insert(all.end(), fields);
  all.push_back({"reason", failure.label()});
  all.push_back({"sqlstate", failure.sqlstate()});
  all.push_back({"errno", failure.mysql_errno()});
  if (!failure.text.empty()) {
    all.push_back({"text", failure.text});
  }
  if (!failure.detail.empty()) {
    all.push_back({"detail", failure.detail});
  }
  write_enabled(level, event, all);
}

}  // namespace sluice::metrics::log
