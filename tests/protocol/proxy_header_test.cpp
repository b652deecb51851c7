#include "protocol/proxy_header.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sluice::protocol {
namespace {

using namespace std::string_literals;
using Source = ProxyHeader::Source;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kBehind = "\r\nPROXY the session's own bytes\n";

std::string be16(std::size_t value) {
  return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xFFU)};
}

std::string version2(char command, char kind, const std::string& block) {
  return kSignature + command + kind + be16(block.size()) + block;
}

std::string tlv(char type, const std::string& value) {
  return type + be16(value.size()) + value;
}

const std::string kTcp4 = "\xC0\x00\x02\x07\x0A\x00\x00\x02\xC7\xB2\x15\x38"s;
const std::string kTcp6 = "\x20\x01\x0D\xB8"s + std::string(11, '\0') + "\x07"s +
                          std::string(15, '\0') + "\x01\xC7\xB2\x15\x38"s;
// kTcp4 with a checksum, worked out by another program.
const std::string kSummed =
    version2('\x21', '\x11',
             kTcp4 + tlv('\x01', "h2") + tlv('\x03', "\x59\xB0\xB2\xA1") + tlv('\x04', "abc"));

ProxyHeader ipv4(std::array<std::uint8_t, 4> address, std::uint16_t port) {
  ProxyHeader header;
  header.source = Source::ipv4;
  std::copy(address.begin(), address.end(), header.address.begin());
  header.port = port;
  return header;
}

ProxyHeader ipv6(std::uint16_t port) {  // 2001:db8::7
  ProxyHeader header;
  header.source = Source::ipv6;
  header.address = {0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
  header.port = port;
  return header;
}

ProxyHeader of(Source source) {
  ProxyHeader header;
  header.source = source;
  return header;
}

// What came of a connection whose bytes arrive in the pieces that end at `cuts`, and at its end.
struct Outcome {
  std::optional<Result<ProxyHeader>> result;  // empty: it waits for more
  std::size_t read = 0;
};

Outcome play(const std::string& bytes, const std::vector<std::size_t>& cuts) {
  Outcome outcome;
  auto machine = read_proxy_header();
  Buffer frame;
  Given given;
  auto cut = cuts.begin();
  while (Want* want = machine.resume(std::exchange(given, {}))) {
    const auto& read = std::get<ReadFrame>(*want);
    EXPECT_GT(read.header, 0U);
    cut = std::find_if(cut, cuts.end(), [&](std::size_t at) { return at > outcome.read; });
    const std::size_t there = (cut == cuts.end() ? bytes.size() : *cut) - outcome.read;
    if (there == 0) {
      return outcome;
    }
    const std::string piece = bytes.substr(outcome.read, std::min(there, read.header));
    frame.assign(piece.begin(), piece.end());
    EXPECT_EQ(read.sizer(frame), frame.size());
    outcome.read += frame.size();
    given.frame = frame;
  }
  outcome.result.emplace(std::move(machine.result()));
  return outcome;
}

std::vector<std::size_t> every_byte(const std::string& bytes) {
  std::vector<std::size_t> cuts;
  for (std::size_t at = 1; at < bytes.size(); ++at) {
    cuts.push_back(at);
  }
  return cuts;
}

struct Good {
  std::string header;
  ProxyHeader expected;
};

std::vector<Good> good_headers() {
  const ProxyHeader four = ipv4({192, 0, 2, 7}, 51122);
  const std::string longest = "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535";
  return {
      {"PROXY TCP4 192.0.2.7 10.0.0.2 51122 5432\r\n", four},
      {"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", ipv4({0, 0, 0, 0}, 0)},
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
       ipv4({255, 255, 255, 255}, 65535)},
      {"PROXY TCP6 2001:db8::7 ::1 51122 5432\r\n", ipv6(51122)},
      {"PROXY TCP6 2001:0db8:0000:0000:0000:0000:0000:0007 "
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
       ipv6(65535)},
      {"PROXY UNKNOWN\r\n", of(Source::sender)},
      {"PROXY UNKNOWN \r\n", of(Source::sender)},
      {longest + std::string(105 - longest.size(), 'x') + "\r\n", of(Source::sender)},
      {version2('\x21', '\x11', kTcp4), four},
      {version2('\x21', '\x21', kTcp6), ipv6(51122)},
      {version2('\x21', '\x31', std::string(216, 'p')), of(Source::local)},
      {version2('\x21', '\x00', ""), of(Source::sender)},
      {version2('\x21', '\x00', "not a TLV"), of(Source::sender)},
      {version2('\x21', '\x12', kTcp4), of(Source::sender)},
      {version2('\x21', '\x22', kTcp6), of(Source::sender)},
      {version2('\x21', '\x32', ""), of(Source::sender)},
      {version2('\x20', '\x00', ""), of(Source::sender)},
      {version2('\x20', '\x11', kTcp4), of(Source::sender)},
      {version2('\x20', '\xEE', "whatever"), of(Source::sender)},
      {kSummed, four},
      {version2('\x21', '\x11', kTcp4 + tlv('\x04', "")), four},
      {version2('\x21', '\x11', kTcp4 + tlv('\x05', std::string(kProxyBlockLimit - 15, 'x'))),
       four},
  };
}

TEST(ProxyHeader, IsReadExactlyWhereverItIsCut) {
  for (const Good& good : good_headers()) {
    const std::string& header = good.header;
    const std::string all = header + kBehind;
    const auto expect = [&](const Outcome& outcome) {
      ASSERT_TRUE(outcome.result.has_value()) << header;
      ASSERT_TRUE(outcome.result->ok()) << header << outcome.result->failure().text;
      EXPECT_EQ(outcome.result->value(), good.expected) << header;
      EXPECT_EQ(outcome.read, header.size()) << "bytes of the session: " << header;
    };
    expect(play(all, {}));
    expect(play(header, {}));
    expect(play(all, every_byte(all)));
    for (std::size_t at = 1; at < std::min<std::size_t>(header.size(), 300); ++at) {
      expect(play(all, {at}));
    }
  }
}

TEST(ProxyHeader, WaitsForItsLastByte) {
  for (const Good& good : good_headers()) {
    for (std::size_t size = 0; size < std::min<std::size_t>(good.header.size(), 300); ++size) {
      const Outcome outcome = play(good.header.substr(0, size), {});
      EXPECT_FALSE(outcome.result.has_value()) << good.header << " cut at " << size;
      auto missing = proxy_header_missing(as_bytes(good.header).first(size));
      ASSERT_TRUE(missing.ok());
      EXPECT_LE(*missing, good.header.size() - size) << good.header << " cut at " << size;
      EXPECT_FALSE(parse_proxy_header(as_bytes(good.header).first(size)).ok());
    }
  }
}

struct Bad {
  std::string bytes;
  const char* why;
};

TEST(ProxyHeader, IsRefusedWhenAnythingIsWrong) {
  const char* const kNone = "does not begin with a PROXY header";
  const char* const kFields = "two addresses and two ports";
  const char* const kAddress = "an address is none of its family";
  const char* const kPort = "a port is not a number";
  const char* const kFamily = "none of TCP4, TCP6 and UNKNOWN";
  const char* const kEnd = "does not end as it should";
  const std::string v4 = "192.0.2.7 10.0.0.2 ";
  const std::vector<Bad> all{
      // What clients send who know of no load balancer.
      {"\0\0\0\x08\x04\xD2\x16\x2F"s, kNone},
      {"\x16\x03\x01"s, kNone},
      {"GET / HTTP/1.1\r\n", kNone},
      {"proxy TCP4 ", kNone},
      {"PROXX", kNone},
      {"\r\n\r\n\r"s, kNone},
      {"\r\n\r\n\0\r\nQUIT\r"s, kNone},
      // version 1
      {"PROXY TCP5 " + v4 + "1 2\r\n", kFamily},
      {"PROXY UDP4 " + v4 + "1 2\r\n", kFamily},
      {"PROXY tcp4 " + v4 + "1 2\r\n", kFamily},
      {"PROXY  TCP4 " + v4 + "1 2\r\n", kFamily},
      {"PROXY UNKNOWNS\r\n", kFamily},
      {"PROXY TCP4\r\n\r\n\r\n\r\n\r\n", kFamily},
      {"PROXY TCP4 \r\n" + v4, kEnd},
      {"PROXY TCP4 192.0.2.7 10.0.0.2 1\r\n 2", "bad PROXY header"},
      {"PROXY TCP4 " + v4 + "1 2\n", kEnd},
      {"PROXY UNKNOWN x\ny\r\n", kEnd},
      {"PROXY TCP4 " + v4 + "1 2 3\r\n", kFields},
      {"PROXY TCP4 " + v4 + "1 2 \r\n", kFields},
      {"PROXY TCP4 192.0.2.7  10.0.0.2 1 2\r\n", kFields},
      {"PROXY TCP4 192.0.2.7 10.0.0.22222\r\n", kFields},
      {"PROXY TCP4 192.0.2.256 10.0.0.2 1 2\r\n", kAddress},
      {"PROXY TCP4 192.0.2.7 10.0.0.02 1 2\r\n", kAddress},
      {"PROXY TCP4 ::1 ::1 1111 11111 2\r\n", kFields},
      {"PROXY TCP4 2001:db8::7 ::1 1111 2\r\n", kAddress},
      {"PROXY TCP4 localhost 10.0.0.2 1 2\r\n", kAddress},
      {"PROXY TCP6 192.0.2.7 10.0.0.2 1 2\r\n", kAddress},
      {"PROXY TCP6 ::1 2001:db8::7::1 1 2\r\n", kAddress},
      {"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", kAddress},
      {"PROXY TCP4 " + v4 + "65536 2\r\n", kPort},
      {"PROXY TCP4 " + v4 + "1 99999\r\n", kPort},
      {"PROXY TCP4 " + v4 + "01 2\r\n", kPort},
      {"PROXY TCP4 " + v4 + "-1 2\r\n", kPort},
      {"PROXY TCP4 " + v4 + "+1 2\r\n", kPort},
      {"PROXY TCP4 " + v4 + "1 2\r\r\n", kPort},
      {"PROXY TCP4 " + v4 + "1 123456\r\n", kPort},
      {"PROXY TCP4 " + std::string(200, '1'), "longer than 107 bytes"},
      {"PROXY UNKNOWN " + std::string(92, 'x') + "\r\n", "longer than 107 bytes"},
      // version 2
      {version2('\x11', '\x11', kTcp4), "its version is not 2"},
      {version2('\x31', '\x11', kTcp4), "its version is not 2"},
      {version2('\x22', '\x11', kTcp4), "its command"},
      {version2('\x21', '\x41', kTcp4), "its family and transport"},
      {version2('\x21', '\x13', kTcp4), "its family and transport"},
      {version2('\x21', '\x10', kTcp4), "its family and transport"},
      {version2('\x21', '\x01', kTcp4), "its family and transport"},
      {version2('\x21', '\x11', kTcp4.substr(1)), "too short for its addresses"},
      {version2('\x21', '\x11', ""), "too short for its addresses"},
      {version2('\x21', '\x21', kTcp4), "too short for its addresses"},
      {version2('\x21', '\x31', std::string(215, 'p')), "too short for its addresses"},
      {version2('\x21', '\x11', std::string(kProxyBlockLimit + 1, 'x')), "longer than 8 KiB"},
      {version2('\x20', '\x00', std::string(65535, 'x')), "longer than 8 KiB"},
      {version2('\x21', '\x11', kTcp4 + "\x01"), "a TLV is longer"},
      {version2('\x21', '\x11', kTcp4 + "\x01\0"s), "a TLV is longer"},
      {version2('\x21', '\x11', kTcp4 + "\x01\0\x02h"s), "a TLV is longer"},
      {version2('\x21', '\x11', kTcp4 + tlv('\x03', "\x01\x02\x03\x04")), "checksum is wrong"},
      {version2('\x21', '\x11', kTcp4 + tlv('\x03', "\x01\x02\x03")), "checksum is malformed"},
      {version2('\x21', '\x11', kTcp4 + "\x03\0\x04\0\0"s), "a TLV is longer"},
  };
  for (const Bad& bad : all) {
    for (const auto& cuts : {std::vector<std::size_t>{}, every_byte(bad.bytes)}) {
      const Outcome outcome = play(bad.bytes, cuts);
      ASSERT_TRUE(outcome.result.has_value()) << bad.bytes;
      ASSERT_FALSE(outcome.result->ok()) << bad.bytes;
      const Failure& failure = outcome.result->failure();
      EXPECT_EQ(failure.kind, FailureKind::proxy_header) << bad.bytes;
      EXPECT_NE(failure.text.find(bad.why), std::string::npos) << failure.text << "\n" << bad.bytes;
    }
  }
}

TEST(ProxyHeader, WithAChecksumNeverTellsAnotherAddress) {
  const ProxyHeader right = ipv4({192, 0, 2, 7}, 51122);
  for (std::size_t at = 0; at < kSummed.size(); ++at) {
    for (unsigned value = 0; value < 256; ++value) {
      std::string spoilt = kSummed;
      spoilt[at] = static_cast<char>(value);
      const Outcome outcome = play(spoilt, {});
      if (outcome.result && outcome.result->ok() &&
          outcome.result->value().source != Source::sender) {
        EXPECT_EQ(outcome.result->value(), right) << "byte " << at << " is " << value;
      }
    }
  }
}

}  // namespace
}  // namespace sluice::protocol
