#include "proxy/address.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>
#include <string>

#include "proxy/resolver.hpp"

namespace sluice::proxy {
namespace {

config::Address tcp(std::string host, std::uint16_t port) {
  config::Address address;
  address.host = std::move(host);
  address.port = port;
  return address;
}

config::Address unix_socket(std::string path) {
  config::Address address;
  address.unix_path = std::move(path);
  return address;
}

std::string first(const config::Address& address, Purpose purpose = Purpose::connect) {
  auto found = resolve(address, purpose);
  return found ? to_string(found->front()) : found.failure().text;
}

// Numeric addresses only: unit tests ask no name service.
TEST(Address, NumericAddresses) {
  EXPECT_EQ(first(tcp("127.0.0.1", 5432)), "127.0.0.1:5432");
  EXPECT_EQ(first(tcp("::1", 3306)), "[::1]:3306");
  EXPECT_EQ(first(tcp("2001:DB8:0::1", 65535)), "[2001:db8::1]:65535");
  EXPECT_EQ(first(tcp("::ffff:192.0.2.7", 80)), "192.0.2.7:80") << "mapped";
  auto found = resolve(tcp("192.0.2.1", 1), Purpose::connect);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().family(), AF_INET);
  EXPECT_FALSE(found->front().local());
}

TEST(Address, AnEmptyHostListensOnAllAndConnectsNowhere) {
  auto found = resolve(tcp("", 6432), Purpose::listen);
  ASSERT_TRUE(found.ok());
  for (const SocketAddress& address : *found) {
    const std::string text = to_string(address);
    EXPECT_TRUE(text == "0.0.0.0:6432" || text == "[::]:6432") << text;
  }
  auto nowhere = resolve(tcp("", 6432), Purpose::connect);
  ASSERT_FALSE(nowhere.ok());
  EXPECT_EQ(nowhere.failure().kind, protocol::FailureKind::backend_unreachable);
}

TEST(Address, WhatCannotBeResolvedIsNamed) {
  auto found = resolve(tcp("not a host name", 1), Purpose::connect);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.failure().kind, protocol::FailureKind::backend_unreachable);
  EXPECT_NE(found.failure().text.find("'not a host name'"), std::string::npos);
  EXPECT_EQ(resolve(tcp("not a host name", 1), Purpose::listen).failure().kind,
            protocol::FailureKind::internal);
}

TEST(Address, UnixPathsAreBounded) {
  const std::string longest(107, 'a');
  EXPECT_EQ(first(unix_socket(longest)), "unix:" + longest);
  auto too_long = resolve(unix_socket(longest + "a"), Purpose::connect);
  ASSERT_FALSE(too_long.ok());
  EXPECT_NE(too_long.failure().text.find("107"), std::string::npos);
  auto found = resolve(unix_socket("/run/db.sock"), Purpose::listen);
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->front().local());
  EXPECT_EQ(found->front().length, offsetof(sockaddr_un, sun_path) + 13);
}

TEST(Address, PeersWithoutAPathAndOfOtherKinds) {
  sockaddr_un unnamed{};
  unnamed.sun_family = AF_UNIX;
  EXPECT_EQ(to_string(socket_address(reinterpret_cast<sockaddr*>(&unnamed), sizeof(sa_family_t))),
            "unix");
  std::memset(unnamed.sun_path, 'x', sizeof(unnamed.sun_path));  // no NUL at its end
  EXPECT_EQ(to_string(socket_address(reinterpret_cast<sockaddr*>(&unnamed), sizeof(unnamed))),
            "unix:" + std::string(108, 'x'));
  EXPECT_EQ(to_string(SocketAddress{}), "unknown");
}

TEST(Address, PrintsWhatTheConfigurationSays) {
  EXPECT_EQ(to_string(tcp("db.example", 5432)), "db.example:5432");
  EXPECT_EQ(to_string(tcp("::1", 5432)), "[::1]:5432");
  EXPECT_EQ(to_string(unix_socket("/run/x")), "unix:/run/x");
}

TEST(Resolver, UsesTheLastGoodAddressesWhenTheNameServiceFails) {
  bool up = false;
  std::string answer = "192.0.2.1";
  Resolver resolver([&](const config::Address& address) {
    return up ? resolve(tcp(answer, address.port), Purpose::connect)
              : protocol::fail(protocol::FailureKind::backend_unreachable, "name service down");
  });
  const config::Address wanted = tcp("db.example", 5432);
  EXPECT_FALSE(resolver.resolve(wanted).ok());
  up = true;
  EXPECT_EQ(to_string(resolver.resolve(wanted)->front()), "192.0.2.1:5432");
  answer = "192.0.2.2";
  EXPECT_EQ(to_string(resolver.resolve(wanted)->front()), "192.0.2.2:5432");
  up = false;
  EXPECT_EQ(to_string(resolver.resolve(wanted)->front()), "192.0.2.2:5432");
  EXPECT_FALSE(resolver.resolve(tcp("other.example", 5432)).ok());
}

}  // namespace
}  // namespace sluice::proxy
