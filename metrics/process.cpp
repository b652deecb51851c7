#include "metrics/process.hpp"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <system_error>

#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::metrics {
namespace {

// Since Linux 6.2 the directory's size is their number; before, they are counted one by one.
std::uint64_t count_open_fds() {
  struct stat directory {};
  if (::stat("/proc/self/fd", &directory) == 0 && directory.st_size > 0) {
    return static_cast<std::uint64_t>(directory.st_size);
  }
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/self/fd", error);
  std::uint64_t count = 0;
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    ++count;
  }
  return count > 0 ? count - 1 : 0;  // the one that reads the directory
}

// The system's boot, in seconds since the epoch.
double boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("btime ", 0) == 0) {
      return std::stod(line.substr(6));
    }
  }
  return 0;
}

// proc(5): fields are counted from 1; the second, the program's name in brackets, may hold blanks.
void read_stat(ProcessSample& sample) {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) {
    return;
  }
  std::istringstream rest(line.substr(name_end + 1));
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  std::string value;
  for (int field = 3; field <= 24 && rest >> value; ++field) {
    if (field == 14 || field == 15) {
      sample.cpu_seconds += std::stod(value) / ticks;
    } else if (field == 20) {
      sample.threads = std::stoull(value);
    } else if (field == 22) {
      static const double booted = boot_time();
      sample.start_time_seconds = booted + std::stod(value) / ticks;
    } else if (field == 23) {
      sample.virtual_bytes = std::stoull(value);
    } else if (field == 24) {
      sample.resident_bytes = std::stoull(value) * static_cast<std::uint64_t>(getpagesize());
    }
  }
}

}  // namespace

ProcessSample sample_process() {
  ProcessSample sample;
  read_stat(sample);
  sample.open_fds = count_open_fds();
  const struct mallinfo2 heap = ::mallinfo2();
  sample.heap_used = heap.uordblks + heap.hblkhd;
  sample.heap_free = heap.fordblks;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    sample.max_fds = limit.rlim_cur;
  }
  return sample;
}

}  // namespace sluice::metrics
