// Clients behind a load balancer: whose connection it is, what is behind the header, and who must
// send one.

#include "protocol/proxy_header.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "proxy/address.hpp"
#include "proxy/listener.hpp"
#include "tests/proxy/chunk_conversation.hpp"
#include "tests/proxy/session_house.hpp"

namespace sluice::proxy {
namespace {

using namespace std::string_literals;
using protocol::Exchange;
using protocol::FailureKind;
using protocol::ProxyHeader;

const std::string kLine = "PROXY TCP4 203.0.113.7 10.0.0.2 51122 5432\r\n";
const std::string kBlock =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C\xCB\0\x71\x07\x0A\0\0\x02\xC7\xB2\x15\x38"s;
const std::string kLocal = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"s;
constexpr auto kBalancer = "10.0.0.1:4000";

config::Cidr block(const std::string& text) {
  config::Cidr out;
  EXPECT_EQ(config::parse_cidr(text, out), "");
  return out;
}

class EchoConversation final : public ChunkConversation {
 public:
  protocol::Need from_client(protocol::Bytes& in, Exchange& out) override {
    out.to_client.own(protocol::Buffer(in.begin(), in.end()));
    in = {};
    return protocol::Need::input;
  }
};

struct ProxyHeaderSession : testing::Test {
  void SetUp() override {
    house.listener->balancers = {block("10.0.0.0/8")};
    config::AddressRules rules;
    rules.deny = {"203.0.113.0/24", "10.0.0.1"};
    house.wanted->middleware.push_back({rules});
    house.open();
    backend_ = house.port.let_in();
    EXPECT_EQ(received(house.client), "w");
  }
  void TearDown() override {
    house.leave();
    house.shut({backend_});
    house.expect_nothing_left();
  }
  // All that a client that comes from `peer` and says `text` is told until the end.
  std::string told(const std::string& peer, const std::string& text) {
    const int client = house.come(peer);
    say(client, text);
    std::string all;
    for (std::string more = received(client); !more.empty(); more = received(client)) {
      all += more;
    }
    ::close(client);
    return all;
  }
  std::uint64_t failed(FailureKind kind) const {
    return house.listener->instruments[0]->auth_failures(kind).value();
  }

  SessionHouse house{[] { return std::make_unique<EchoConversation>(); }};

 private:
  int backend_ = -1;
};

TEST_F(ProxyHeaderSession, IsOfTheAddressThatTheHeaderTells) {
  for (const std::string& header : {kLine, kBlock}) {
    EXPECT_NE(told(kBalancer, header).find("connections from 203.0.113.7 are not allowed"),
              std::string::npos);
  }
  EXPECT_NE(told(kBalancer, kLocal).find("connections from 10.0.0.1 are not"), std::string::npos)
      << "its own connection";
}

TEST_F(ProxyHeaderSession, WhatIsBehindTheHeaderBelongsToTheSession) {
  const std::string header = "PROXY TCP6 2001:db8::7 2001:db8::1 51122 5432\r\n";
  const int client = house.come(kBalancer);
  for (const char c : header.substr(0, header.size() - 1)) {
    say(client, std::string(1, c));
    std::this_thread::yield();
  }
  char byte = 0;
  EXPECT_LT(::recv(client, &byte, 1, MSG_DONTWAIT), 0) << "nothing is said before";
  say(client, "\nask");
  std::string all;
  while (all.size() < 4) {
    all += received(client);
  }
  EXPECT_EQ(all, "wask");
  ::close(client);
}

TEST_F(ProxyHeaderSession, IsClosedWithoutAWordWhereTheHeaderIsMissingOrBad) {
  EXPECT_EQ(told(kBalancer, "\0\0\0\x08\x04\xD2\x16\x2F"s), "");
  EXPECT_EQ(told(kBalancer, "PROXY TCP4 203.0.113.777 10.0.0.2 51122 5432\r\n"), "");
  EXPECT_EQ(failed(FailureKind::proxy_header), 2U);
  const int client = house.come(kBalancer);  // as a check that only connects
  say(client, kLine.substr(0, 20));
  ::shutdown(client, SHUT_WR);
  EXPECT_EQ(received(client), "");
  ::close(client);
  EXPECT_EQ(failed(FailureKind::proxy_header), 2U);
}

TEST_F(ProxyHeaderSession, FromElsewhereIsNoHeader) {
  const int client = house.come("192.0.2.1:4000");
  EXPECT_EQ(received(client), "w") << "without being asked for anything";
  say(client, kLine);
  EXPECT_EQ(received(client), kLine);
  ::close(client);
}

TEST(ProxyHeaderAddress, IsPrintedAsTheKernelsAre) {
  ProxyHeader header;
  EXPECT_EQ(to_string(header), "");
  header.port = 51122;
  header.address = {203, 0, 113, 7};
  header.source = ProxyHeader::Source::ipv4;
  EXPECT_EQ(to_string(header), "203.0.113.7:51122");
  header.address = {0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
  header.source = ProxyHeader::Source::ipv6;
  EXPECT_EQ(to_string(header), "[2001:db8::7]:51122");
  header.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 203, 0, 113, 7};
  EXPECT_EQ(to_string(header), "203.0.113.7:51122") << "mapped";
  header.source = ProxyHeader::Source::local;
  EXPECT_EQ(to_string(header), "unix");
  EXPECT_EQ(host_of(to_string(header)), "");
}

TEST(ProxyHeaderListener, AsksThoseThatAreTrusted) {
  Listener listener;
  EXPECT_FALSE(listener.asks_for_header("10.0.0.1"));
  listener.balancers = {block("10.0.0.0/8"), block("2001:db8::/32")};
  EXPECT_TRUE(listener.asks_for_header("10.255.0.1"));
  EXPECT_TRUE(listener.asks_for_header("2001:db8::1"));
  EXPECT_FALSE(listener.asks_for_header("11.0.0.1"));
  EXPECT_FALSE(listener.asks_for_header("2001:db9::1"));
  EXPECT_FALSE(listener.asks_for_header("")) << "a unix socket";
}

}  // namespace
}  // namespace sluice::proxy
