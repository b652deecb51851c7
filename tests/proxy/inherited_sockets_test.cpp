#include "proxy/inherited_sockets.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::proxy {
namespace {

constexpr int kFirst = 400;  // far above what the test program has open

class InheritedSocketsTest : public testing::Test {
 protected:
  // Puts a socket on loopback at the next descriptor; returns its address.
  SocketAddress add(bool listening) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
    if (listening) {
      ::listen(fd, 1);
    }
    socklen_t length = sizeof address;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
    ::dup2(fd, kFirst + count_++);
    ::close(fd);
    return socket_address(reinterpret_cast<sockaddr*>(&address), length);
  }

  InheritedSockets take(const char* names) {
    return InheritedSockets::take(std::to_string(::getpid()).c_str(),
                                  std::to_string(count_).c_str(), names, kFirst);
  }

  static bool open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

  int count_ = 0;
};

TEST_F(InheritedSocketsTest, AreClaimedByNameOrAddressOnce) {
  add(true);
  const SocketAddress second = add(true);
  const SocketAddress third = add(true);
  auto sockets = take("pg:sluice-handed-over:pg");
  EXPECT_TRUE(sockets.claim_named("sluice-handed-over").empty());
  const auto named = sockets.claim_named("pg");
  ASSERT_EQ(named.size(), 2U);
  EXPECT_EQ(named[0].fd, kFirst);
  EXPECT_EQ(named[1].fd, kFirst + 2);
  EXPECT_FALSE(named[0].owns_path());
  EXPECT_FALSE(sockets.claim_bound(third));
  const auto bound = sockets.claim_bound(second);
  ASSERT_TRUE(bound);
  EXPECT_EQ(bound->fd, kFirst + 1);
  EXPECT_TRUE(bound->owns_path());
  EXPECT_FALSE(sockets.claim_bound(second));
  EXPECT_TRUE(sockets.unclaimed().empty());
  for (int fd = kFirst; fd < kFirst + 3; ++fd) {
    EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
    EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    ::close(fd);
  }
}

TEST_F(InheritedSocketsTest, WhatNobodyClaimsIsClosed) {
  const SocketAddress address = add(true);
  {
    auto sockets = take(nullptr);
    EXPECT_EQ(sockets.unclaimed(), std::vector<std::string>{to_string(address)});
    InheritedSockets moved = std::move(sockets);
    EXPECT_TRUE(open(kFirst));
  }
  EXPECT_FALSE(open(kFirst));
}

TEST_F(InheritedSocketsTest, WhatIsNoListeningSocketIsClosedAtOnce) {
  add(false);
  ::dup2(STDERR_FILENO, kFirst + count_++);
  const auto sockets = take("pg:pg");
  EXPECT_TRUE(sockets.unclaimed().empty());
  EXPECT_FALSE(open(kFirst));
  EXPECT_FALSE(open(kFirst + 1));
}

TEST_F(InheritedSocketsTest, WhatIsMeantForAnotherProcessIsLeftAlone) {
  add(true);
  for (const char* pid : {"1", "", "x"}) {
    EXPECT_TRUE(InheritedSockets::take(pid, "1", "pg", kFirst).unclaimed().empty());
  }
  EXPECT_TRUE(InheritedSockets::take(nullptr, nullptr, nullptr, kFirst).unclaimed().empty());
  const std::string own = std::to_string(::getpid());
  for (const char* count : {"-1", "1x", "99999999999999999999", "4096"}) {
    EXPECT_TRUE(InheritedSockets::take(own.c_str(), count, "pg", kFirst).unclaimed().empty());
  }
  EXPECT_TRUE(open(kFirst));
  ::close(kFirst);
}

}  // namespace
}  // namespace sluice::proxy
