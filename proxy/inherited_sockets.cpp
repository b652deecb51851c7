#include "proxy/inherited_sockets.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

namespace sluice::proxy {
namespace {

std::optional<long> number(const char* text) {
  if (text == nullptr) {
    return std::nullopt;
  }
  long value = 0;
  const char* end = text + std::strlen(text);
  const auto [stopped, error] = std::from_chars(text, end, value);
  return error == std::errc() && stopped == end ? std::optional(value) : std::nullopt;
}

// The next of the names that colons separate.
std::string next_name(std::string_view& names) {
  const auto colon = names.find(':');
  std::string name(names.substr(0, colon));
  names = colon == std::string_view::npos ? std::string_view() : names.substr(colon + 1);
  return name;
}

// Empty: no listening stream socket.
std::optional<std::string> listening_on(int fd) {
  int type = 0;
  int accepts = 0;
  socklen_t length = sizeof type;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_STREAM) {
    return std::nullopt;
  }
  length = sizeof accepts;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) != 0 || accepts == 0) {
    return std::nullopt;
  }
  sockaddr_storage address{};
  length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return std::nullopt;
  }
  return to_string(socket_address(reinterpret_cast<const sockaddr*>(&address), length));
}

void make_ours(int fd) {
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

}  // namespace

InheritedSockets InheritedSockets::take() {
  InheritedSockets taken =
      take(std::getenv("LISTEN_PID"), std::getenv("LISTEN_FDS"), std::getenv("LISTEN_FDNAMES"));
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
    ::unsetenv(name);
  }
  return taken;
}

InheritedSockets InheritedSockets::take(const char* pid, const char* count, const char* names,
                                        int first) {
  constexpr long kMost = 1024;
  InheritedSockets taken;
  const auto so_many = number(count);
  if (number(pid) != static_cast<long>(::getpid()) || !so_many || *so_many < 0 ||
      *so_many > kMost) {
    return taken;
  }
  std::string_view left = names == nullptr ? "" : names;
  for (int fd = first; fd < first + *so_many; ++fd) {
    std::string name = next_name(left);
    if (auto bound = listening_on(fd)) {
      make_ours(fd);
      taken.sockets_.push_back({fd, std::move(name), *std::move(bound)});
    } else {
      ::close(fd);
    }
  }
  return taken;
}

InheritedSockets::~InheritedSockets() {
  for (const Socket& socket : sockets_) {
    ::close(socket.fd);
  }
}

InheritedSockets::InheritedSockets(InheritedSockets&& other) noexcept
    : sockets_(std::exchange(other.sockets_, {})) {}

InheritedSockets& InheritedSockets::operator=(InheritedSockets&& other) noexcept {
  std::swap(sockets_, other.sockets_);
  return *this;
}

std::vector<InheritedSockets::Socket> InheritedSockets::claim_named(const std::string& name) {
  std::vector<Socket> claimed;
  std::erase_if(sockets_, [&](const Socket& socket) {
    const bool mine = socket.name == name && name != kUnnamed && name != kHandedOver;
    if (mine) {
      claimed.push_back(socket);
    }
    return mine;
  });
  return claimed;
}

std::optional<InheritedSockets::Socket> InheritedSockets::claim_bound(
    const SocketAddress& address) {
  const std::string bound = to_string(address);
  const auto found = std::find_if(sockets_.begin(), sockets_.end(),
                                  [&](const Socket& socket) { return socket.bound == bound; });
  if (found == sockets_.end()) {
    return std::nullopt;
  }
  Socket claimed = std::move(*found);
  sockets_.erase(found);
  return claimed;
}

std::vector<std::string> InheritedSockets::unclaimed() const {
  std::vector<std::string> left;
  for (const Socket& socket : sockets_) {
    left.push_back(socket.bound);
  }
  return left;
}

}  // namespace sluice::proxy
