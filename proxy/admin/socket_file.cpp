#include "proxy/admin/socket_file.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace sluice::proxy::admin {
namespace {

using protocol::FailureKind;

protocol::Failure refuse(const std::string& path, const std::string& why) {
  return protocol::fail(FailureKind::internal, "cannot listen on " + path + ": " + why);
}

protocol::Failure refuse(const std::string& path, int error) {
  return refuse(path, std::system_category().message(error));
}

int make_socket() {
  return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

const sockaddr* as_sockaddr(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// A queue that is full (EAGAIN) is somebody's.
bool somebody_listens(const sockaddr_un& address) {
  const int probe = make_socket();
  const bool connected = ::connect(probe, as_sockaddr(address), sizeof(address)) == 0;
  const int error = connected ? 0 : errno;
  ::close(probe);
  return error != ECONNREFUSED && error != ENOENT;
}

protocol::Status clear_way(const sockaddr_un& address) {
  const std::string path(address.sun_path);
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    return errno == ENOENT ? protocol::Status(protocol::Done{}) : refuse(path, errno);
  }
  if (!S_ISSOCK(found.st_mode)) {
    return refuse(path, "the file is there already, and is no socket");
  }
  if (somebody_listens(address)) {
    return refuse(path, "another process listens there");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return refuse(path, errno);
  }
  return protocol::Done{};
}

}  // namespace

SocketFile::~SocketFile() {
  remove();
}

std::optional<SocketFile::Mark> SocketFile::mark_of(const std::string& path) {
  struct statx found {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &found) != 0) {
    return std::nullopt;
  }
  return Mark{(std::uint64_t{found.stx_dev_major} << 32U) | found.stx_dev_minor, found.stx_ino,
              found.stx_btime.tv_sec, found.stx_btime.tv_nsec};
}

protocol::Result<int> SocketFile::listen(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return refuse(path, "the path of a unix socket may have " +
                            std::to_string(sizeof(address.sun_path) - 1) + " characters");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  if (protocol::Status clear = clear_way(address); !clear) {
    return clear.failure();
  }
  const int descriptor = make_socket();
  // Nobody can connect between bind() and listen(), whatever the file's first mode is.
  const bool ok =
      descriptor >= 0 && ::bind(descriptor, as_sockaddr(address), sizeof(address)) == 0 &&
      ::chmod(path.c_str(), S_IRUSR | S_IWUSR) == 0 && ::listen(descriptor, SOMAXCONN) == 0;
  if (!ok) {
    const int error = errno;
    ::close(descriptor);
    return refuse(path, error);
  }
  path_ = path;
  mark_ = mark_of(path).value_or(Mark{});
  return descriptor;
}

void SocketFile::adopt(const std::string& path) {
  if (const auto mark = mark_of(path)) {
    path_ = path;
    mark_ = *mark;
  }
}

void SocketFile::remove() {
  if (!path_.empty() && mark_of(path_) == mark_) {
    ::unlink(path_.c_str());
  }
  path_.clear();
}

std::string peer_of(int descriptor) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return {};
  }
  return "uid " + std::to_string(peer.uid) + ", pid " + std::to_string(peer.pid);
}

}  // namespace sluice::proxy::admin
