#include "proxy/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <ctime>

namespace sluice::proxy {

ServiceManager::ServiceManager(std::string_view socket) {
  sockaddr_un address{};
  if (socket.size() < 2 || socket.size() >= sizeof address.sun_path ||
      (socket.front() != '/' && socket.front() != '@')) {
    return;
  }
  address.sun_family = AF_UNIX;
  std::copy(socket.begin(), socket.end(), address.sun_path);
  if (socket.front() == '@') {
    address.sun_path[0] = '\0';
  }
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
  address_ = socket_address(reinterpret_cast<const sockaddr*>(&address), length);
}

ServiceManager ServiceManager::of_environment() {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  return ServiceManager(socket == nullptr ? "" : socket);
}

void ServiceManager::ready(std::string_view status) const {
  tell("READY=1\nSTATUS=" + std::string(status) + "\n");
}

void ServiceManager::reloading() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto microseconds = static_cast<long long>(now.tv_sec) * 1000000 + now.tv_nsec / 1000;
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds) + "\n");
}

void ServiceManager::stopping() const {
  tell("STOPPING=1\nSTATUS=draining\n");
}

void ServiceManager::main_process(pid_t pid) const {
  tell("MAINPID=" + std::to_string(pid) + "\n");
}

void ServiceManager::tell(const std::string& lines) const {
  if (address_.length == 0) {
    return;
  }
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0) {
    ::sendto(fd, lines.data(), lines.size(), MSG_NOSIGNAL, address_.data(), address_.length);
    ::close(fd);
  }
}

}  // namespace sluice::proxy
