#include "proxy/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <string>

#include <gtest/gtest.h>

namespace sluice::proxy {
namespace {

// A datagram socket with an abstract name, as a service manager has one.
class Listening {
 public:
  Listening() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;  // no name: the kernel gives an abstract one
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t));
    socklen_t length = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    name_.assign(address.sun_path, length - offsetof(sockaddr_un, sun_path));
    name_[0] = '@';
  }
  ~Listening() { ::close(fd_); }

  const std::string& name() const { return name_; }
  std::string told() {
    char text[512];
    const auto size = ::recv(fd_, text, sizeof text, 0);
    return size < 0 ? "" : std::string(text, static_cast<std::size_t>(size));
  }

 private:
  int fd_;
  std::string name_;
};

TEST(ServiceManager, IsToldInItsOwnWords) {
  Listening listening;
  const ServiceManager manager(listening.name());
  manager.ready("serving");
  EXPECT_EQ(listening.told(), "READY=1\nSTATUS=serving\n");
  manager.stopping();
  EXPECT_EQ(listening.told(), "STOPPING=1\nSTATUS=draining\n");
  manager.main_process(4711);
  EXPECT_EQ(listening.told(), "MAINPID=4711\n");
  manager.reloading();
  EXPECT_TRUE(listening.told().starts_with("RELOADING=1\nMONOTONIC_USEC="));
}

TEST(ServiceManager, NobodyListens) {
  for (const char* name : {"", "@", "relative/path", "/nowhere/at/all", "@nobody-has-this-name"}) {
    ServiceManager(name).ready("serving");
  }
  ServiceManager(std::string(500, '/')).stopping();
}

}  // namespace
}  // namespace sluice::proxy
