#pragma once

// What the kernel says about this process (Linux, /proc/self), for the process_* metrics.

#include <cstdint>

namespace sluice::metrics {

struct ProcessSample {
  double cpu_seconds = 0;
  double start_time_seconds = 0;  // since the epoch
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;
  std::uint64_t threads = 0;
  // The allocator's: bytes in use, and bytes that were freed and that it keeps.
  std::uint64_t heap_used = 0;
  std::uint64_t heap_free = 0;
};

// What cannot be read is 0.
ProcessSample sample_process();

}  // namespace sluice::metrics
