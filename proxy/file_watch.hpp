#pragma once

// Tells when files may have become others, however they are replaced: written, renamed over, or by
// a symbolic link on their way that points elsewhere now, as Kubernetes does it. One thread at a
// time, but for fd().

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/result.hpp"

namespace sluice::proxy {

class FileWatch {
 public:
  FileWatch();
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  // From now on these, in place of those before. Files that do not exist yet are seen when they
  // come, if their folder is there. Fails when the system gives no more watches.
  protocol::Status watch(const std::vector<std::string>& files);
  // To be polled for reading; -1: nothing can be watched.
  int fd() const { return fd_; }
  // Takes what has been told since; true: one of the files may be another now.
  bool take();

 private:
  int fd_;
  int error_ = 0;                                 // why there is none
  std::map<int, std::set<std::string>> folders_;  // watched names by watch
};

// What a path leads through that decides which file it is: the folder and the name of each symbolic
// link on the way, and of the file itself.
std::set<std::pair<std::string, std::string>> steps_of(const std::string& path);

}  // namespace sluice::proxy
