#pragma once

// The way of an audit line to its file: a bounded queue and a thread for each file, so that a slow
// or full disk holds up nobody. Lines are gathered for a moment and written together; a worker that
// hands one over copies it under a lock that no system call is made with.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "metrics/instruments.hpp"
#include "proxy/middleware/rotating_file.hpp"

namespace sluice::proxy::middleware {

class LineWriter {
 public:
  // Beyond the number of lines, which may be long.
  static constexpr std::size_t kMaxQueuedBytes = std::size_t{64} << 20U;

  LineWriter(RotatingFile::Options file, std::size_t queue);
  // Writes what is queued, then ends.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // The writer of this path; entries of several chains, and of a configuration that replaces
  // another, share it. The options are those of the last that has asked for it.
  static std::shared_ptr<LineWriter> shared(const RotatingFile::Options& file, std::size_t queue);

  // From any thread; `line` ends with its newline. False: the queue was full, the line is gone.
  bool post(std::string_view line);
  // Lines that could not be written are counted there too, on this writer's thread alone.
  void count_with(std::shared_ptr<metrics::MiddlewareInstruments> instruments);
  void reopen();
  // Returns when all that was posted before it is written or lost.
  void drain();
  std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  void change(const RotatingFile::Options& file, std::size_t queue);
  bool must_act() const { return lines_ > 0 || hurry_ || ending_ || reopen_; }
  bool must_not_wait() const { return hurry_ || ending_ || reopen_ || lines_ >= enough_; }
  void run();
  void write(std::string_view lines);

  RotatingFile file_;  // of the thread alone
  std::atomic<std::uint64_t> lost_{0};

  std::mutex mutex_;
  std::size_t capacity_;
  std::size_t enough_;                           // lines that are worth a write at once
  std::optional<RotatingFile::Options> wanted_;  // bounds that file_ has not got yet
  std::shared_ptr<metrics::MiddlewareInstruments> instruments_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::string queue_;
  std::size_t lines_ = 0;  // in queue_
  bool busy_ = false;
  bool hurry_ = false;
  bool reopen_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace sluice::proxy::middleware
