#pragma once

// A listening unix socket and the file that leads to it, for its owner alone (mode 0600).

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/result.hpp"

namespace sluice::proxy::admin {

class SocketFile {
 public:
  SocketFile() = default;
  ~SocketFile();  // remove()s; the descriptor is somebody else's
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;

  // A socket that nobody listens on any more is replaced; any other file, and one where somebody
  // answers, is left alone and named in the failure. The descriptor, non-blocking.
  protocol::Result<int> listen(const std::string& path);
  // Of a socket that is listened on already: its file is ours from now on.
  void adopt(const std::string& path);
  // The file, if it is still this socket's.
  void remove();
  // The file is somebody else's from now on.
  void release() { path_.clear(); }
  bool ours() const { return !path_.empty(); }

 private:
  // Tells a file from another one at the same path; the number of an inode alone is soon used
  // again.
  struct Mark {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t born_seconds = 0;
    std::uint32_t born_nanoseconds = 0;
    bool operator==(const Mark&) const = default;
  };
  static std::optional<Mark> mark_of(const std::string& path);

  std::string path_;
  Mark mark_;
};

// "uid 1000, pid 4711" of who has connected; "" when the kernel does not tell.
std::string peer_of(int descriptor);

}  // namespace sluice::proxy::admin
