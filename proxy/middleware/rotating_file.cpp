#include "proxy/middleware/rotating_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "metrics/log.hpp"

namespace sluice::proxy::middleware {
namespace {

using protocol::FailureKind;

constexpr mode_t kMode = 0640;
constexpr int kPatience = 1000;  // ms for a pipe whose reader is slow

std::string reason(int error) {
  return std::generic_category().message(error);
}

// /dev/stdout is a link, and nobody but root can make it another one.
bool is_device_name(std::string_view path) {
  return path.starts_with("/dev/");
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::size_t count_lines(std::string_view lines) {
  return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
}

bool may(const std::string& path, int mode) {
  return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0;
}

protocol::Failure unusable(const std::string& path, const std::string& why) {
  return protocol::fail(FailureKind::internal, "cannot write to " + path + ": " + why);
}

protocol::Status folder_usable(const std::string& path) {
  const std::string folder = folder_of(path);
  if (!may(folder, W_OK | X_OK)) {
    const int error = errno;
    return unusable(path, "its folder " + folder + ": " + reason(error) +
                              "; the user that runs sluice must be able to create files there");
  }
  return protocol::Done{};
}

bool ends_without_newline(const std::string& path, std::uint64_t size) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) {
    return false;
  }
  char last = '\n';
  const bool seen = ::pread(fd, &last, 1, static_cast<off_t>(size - 1)) == 1;
  ::close(fd);
  return seen && last != '\n';
}

}  // namespace

RotatingFile::RotatingFile(Options options)
    : options_(std::move(options)), rotate_at_(options_.max_size) {}

RotatingFile::~RotatingFile() {
  close();
}

protocol::Status RotatingFile::usable(const std::string& path) {
  if (path.empty() || path.back() == '/') {
    return unusable("\"" + path + "\"", "it names no file");
  }
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    const int error = errno;
    return error == ENOENT ? folder_usable(path) : unusable(path, reason(error));
  }
  if (S_ISLNK(found.st_mode) && !is_device_name(path)) {
    return unusable(path, "it is a symbolic link; name the file itself");
  }
  if (S_ISDIR(found.st_mode)) {
    return unusable(path, "it is a folder");
  }
  if (!may(path, W_OK)) {
    const int error = errno;
    return unusable(path, reason(error) + "; the user that runs sluice must be able to write it");
  }
  return S_ISREG(found.st_mode) ? folder_usable(path) : protocol::Done{};
}

void RotatingFile::set_bounds(std::size_t max_size, std::size_t keep) {
  options_.max_size = max_size;
  options_.keep = keep;
  rotate_at_ = max_size;
}

bool RotatingFile::open() {
  const bool device = is_device_name(options_.path);
  int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  if (!device) {
    flags |= O_NOFOLLOW;
  }
  fd_ = ::open(options_.path.c_str(), flags, kMode);
  if (fd_ < 0) {
    return false;
  }
  struct stat found {};
  regular_ = !device && ::fstat(fd_, &found) == 0 && S_ISREG(found.st_mode);
  size_ = regular_ ? static_cast<std::uint64_t>(found.st_size) : 0;
  if (regular_) {
    torn_ = size_ > 0 && ends_without_newline(options_.path, size_);
  }
  rotate_at_ = options_.max_size;
  return true;
}

void RotatingFile::close() {
  if (fd_ >= 0) {
    ::close(fd_);
    fd_ = -1;
  }
}

// How many bytes fit before the file is rotated.
std::size_t RotatingFile::room() const {
  if (!regular_ || options_.max_size == 0) {
    return std::string_view::npos;
  }
  return size_ < rotate_at_ ? static_cast<std::size_t>(rotate_at_ - size_) : 0;
}

std::size_t RotatingFile::write(std::string_view lines) {
  std::size_t lost = 0;
  while (!lines.empty()) {
    if (fd_ < 0 && !open()) {
      const int error = errno;
      note_failure("open", error, count_lines(lines));
      return lost + count_lines(lines);
    }
    // As many whole lines as fit; one that fits nowhere gets a file of its own.
    std::size_t size = lines.size();
    if (size > room()) {
      const std::size_t last = lines.substr(0, room()).rfind('\n');
      if (last == std::string_view::npos && size_ > 0) {
        rotate();
        continue;
      }
      size = (last == std::string_view::npos ? lines.find('\n') : last) + 1;
    }
    const std::string_view part = lines.substr(0, size);
    std::size_t written = 0;
    const int error = put(part, written);
    size_ += written;
    if (error != 0) {
      const std::size_t whole = part.substr(0, written).rfind('\n') + 1;
      undo_part_of_line(whole, written);
      lines.remove_prefix(whole);
      note_failure("write", error, count_lines(lines));
      close();
      return lost + count_lines(lines);
    }
    note_success();
    lines.remove_prefix(size);
  }
  return lost;
}

// Returns the error that stopped it, 0 when all is written.
int RotatingFile::put(std::string_view part, std::size_t& written) {
  if (torn_) {
    if (::write(fd_, "\n", 1) != 1) {
      return errno;
    }
    ++size_;
    torn_ = false;
  }
  while (written < part.size()) {
    const ssize_t wrote = ::write(fd_, part.data() + written, part.size() - written);
    if (wrote > 0) {
      written += static_cast<std::size_t>(wrote);
      continue;
    }
    const int error = wrote == 0 ? ENOSPC : errno;
    pollfd ready{fd_, POLLOUT, 0};
    if (error == EINTR || (error == EAGAIN && ::poll(&ready, 1, kPatience) > 0)) {
      continue;
    }
    return error;
  }
  return 0;
}

// A full disk takes the beginning of a line: readers must not see half of one.
void RotatingFile::undo_part_of_line(std::size_t whole, std::size_t written) {
  if (whole == written) {
    return;
  }
  const std::uint64_t begin = size_ - (written - whole);
  struct stat found {};
  const bool alone =
      regular_ && ::fstat(fd_, &found) == 0 && static_cast<std::uint64_t>(found.st_size) == size_;
  if (alone && ::ftruncate(fd_, static_cast<off_t>(begin)) == 0) {
    size_ = begin;
  } else {
    torn_ = true;
  }
}

void RotatingFile::rotate() {
  const auto numbered = [this](std::size_t number) {
    return options_.path + "." + std::to_string(number);
  };
  for (std::size_t number = options_.keep; number > 1; --number) {
    std::rename(numbered(number - 1).c_str(), numbered(number).c_str());  // there may be none
  }
  const int failed = options_.keep == 0 ? ::unlink(options_.path.c_str())
                                        : std::rename(options_.path.c_str(), numbered(1).c_str());
  if (failed != 0 && errno != ENOENT) {
    metrics::log::error("audit_file_not_rotated",
                        {{"file", options_.path}, {"error", reason(errno)}});
    rotate_at_ = size_ + options_.max_size;  // it grows on; tried again when it is so much larger
    return;
  }
  close();
}

void RotatingFile::note_failure(std::string_view action, int error, std::size_t lines) {
  outage_lines_ += lines;
  if (!std::exchange(outage_, true)) {
    metrics::log::error("audit_file_failed", {{"file", options_.path},
                                              {"action", action},
                                              {"error", reason(error)},
                                              {"text",
                                               "queries go on; lines are lost and counted "
                                               "in sluice_middleware_lost_total"}});
  }
}

void RotatingFile::note_success() {
  if (std::exchange(outage_, false)) {
    metrics::log::info("audit_file_works_again",
                       {{"file", options_.path}, {"lines_lost", outage_lines_}});
    outage_lines_ = 0;
  }
}

}  // namespace sluice::proxy::middleware
