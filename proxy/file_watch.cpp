#include "proxy/file_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <system_error>

namespace sluice::proxy {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE;
constexpr int kMaxLinks = 40;  // as the kernel has it

void put_in_front(const fs::path& path, std::deque<fs::path>& parts) {
  parts.insert(parts.begin(), path.begin(), path.end());
}

protocol::Failure cannot_watch(const std::string& what, int error) {
  return protocol::fail(protocol::FailureKind::internal,
                        "cannot watch " + what + ": " + std::strerror(error));
}

}  // namespace

std::set<std::pair<std::string, std::string>> steps_of(const std::string& path) {
  std::set<std::pair<std::string, std::string>> steps;
  std::error_code error;
  std::deque<fs::path> parts;
  put_in_front(fs::absolute(path, error), parts);
  fs::path here;
  for (int links = 0; !parts.empty() && links <= kMaxLinks;) {
    const fs::path part = parts.front();
    parts.pop_front();
    if (part.is_absolute()) {
      here = part;
    } else if (part == "..") {
      here = here.parent_path();
    } else if (!part.empty() && part != ".") {
      const bool link = fs::is_symlink(here / part, error);
      if (link || parts.empty()) {
        steps.emplace(here.string(), part.string());
      }
      if (link) {
        ++links;
        put_in_front(fs::read_symlink(here / part, error), parts);
      } else {
        here /= part;
      }
    }
  }
  return steps;
}

FileWatch::FileWatch() : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  error_ = fd_ < 0 ? errno : 0;
}

FileWatch::~FileWatch() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

protocol::Status FileWatch::watch(const std::vector<std::string>& files) {
  if (fd_ < 0) {
    return cannot_watch("files", error_);
  }
  std::map<int, std::set<std::string>> folders;
  protocol::Status status = protocol::Done{};
  for (const std::string& file : files) {
    for (const auto& [folder, name] : steps_of(file)) {
      const int watch = ::inotify_add_watch(fd_, folder.c_str(), kEvents);
      if (watch >= 0) {
        folders[watch].insert(name);
      } else if (errno != ENOENT) {
        status = cannot_watch(folder, errno);
      }
    }
  }
  for (const auto& [watch, names] : folders_) {
    if (!folders.contains(watch)) {
      ::inotify_rm_watch(fd_, watch);
    }
  }
  folders_ = std::move(folders);
  return status;
}

bool FileWatch::take() {
  bool changed = false;
  alignas(inotify_event) char bytes[4096];
  for (;;) {
    const ssize_t count = ::read(fd_, bytes, sizeof bytes);
    if (count <= 0) {
      return changed;
    }
    for (ssize_t at = 0; at < count;) {
      inotify_event event{};
      std::memcpy(&event, bytes + at, sizeof event);
      const char* name = bytes + at + sizeof event;
      const auto folder = folders_.find(event.wd);
      changed = changed || (event.mask & IN_Q_OVERFLOW) != 0 ||
                (event.len > 0 && folder != folders_.end() && folder->second.contains(name));
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
}

}  // namespace sluice::proxy
