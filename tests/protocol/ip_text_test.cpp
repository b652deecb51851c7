// Held against inet_pton(), which is the authority.

#include "protocol/ip_text.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace sluice::protocol {
namespace {

template <typename Bytes>
std::optional<Bytes> authority(int family, const std::string& text) {
  Bytes out{};
  return ::inet_pton(family, text.c_str(), out.data()) == 1 ? std::optional(out) : std::nullopt;
}

void compare(const std::string& text) {
  EXPECT_EQ(parse_ipv4(text), authority<Ipv4>(AF_INET, text)) << text;
  EXPECT_EQ(parse_ipv6(text), authority<Ipv6>(AF_INET6, text)) << text;
}

const char* const kTexts[] = {
    // IPv4
    "0.0.0.0", "255.255.255.255", "192.0.2.7", "256.0.0.1", "1.2.3", "1.2.3.4.5", "1.2.3.",
    ".1.2.3", "1..2.3", "01.2.3.4", "1.2.3.04", "00.0.0.0", "1.2.3.4 ", " 1.2.3.4", "+1.2.3.4",
    "0x1.2.3.4", "1.2.3.1000", "",
    // IPv6
    "::", "::1", "1::", "2001:db8::7", "2001:DB8:0:0:0:0:0:7", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::3:4:5:6:7:8", "1:2:3:4::5:6:7:8",
    "::1::", "1::2::3", ":::", ":", ":1", "1:", "1:::2", "12345::", "::g", "fe80::1%lo", "[::1]",
    "::ffff:192.0.2.7", "::192.0.2.7", "1:2:3:4:5:6:192.0.2.7", "1:2:3:4:5:6:7:192.0.2.7",
    "::192.0.2.7:1", "::192.0.2", "::ffff:192.0.2.07", "192.0.2.7::", "1:2:3:4:5::192.0.2.7",
    "::0000", "::00000", "::/0"};

TEST(IpText, AgreesWithTheSystem) {
  for (const char* text : kTexts) {
    compare(text);
  }
}

TEST(IpText, AgreesOnWhatIsAlmostAnAddress) {
  std::mt19937 random(7);
  constexpr std::string_view kAlphabet = "0123456789abcdefF:.: ";
  for (int round = 0; round < 20000; ++round) {
    std::string text = kTexts[random() % std::size(kTexts)];
    for (unsigned change = random() % 3 + 1; change > 0; --change) {
      const std::size_t at = random() % (text.size() + 1);
      const char c = kAlphabet[random() % kAlphabet.size()];
      if (random() % 3 == 0 && at < text.size()) {
        text.erase(at, 1);
      } else if (random() % 2 == 0 && at < text.size()) {
        text[at] = c;
      } else {
        text.insert(at, 1, c);
      }
    }
    compare(text);
  }
}

}  // namespace
}  // namespace sluice::protocol
