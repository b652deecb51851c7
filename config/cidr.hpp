#pragma once

// Blocks of addresses: 10.0.0.0/8, 2001:db8::/32, or a single address. An IPv4 address inside an
// IPv6 one (::ffff:192.0.2.1) is that IPv4 address. The two families never meet: 0.0.0.0/0 is every
// IPv4 address and no IPv6 one, ::/0 is every IPv6 address and no IPv4 one.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::config {

struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};  // of IPv4: ::ffff:a.b.c.d
  bool v4 = false;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

// Without port, brackets or zone. Empty: not an address.
std::optional<IpAddress> parse_ip(std::string_view text);

struct Cidr {
  IpAddress network;
  unsigned bits = 128;  // of `network.bytes` that count: of IPv4 it is 96 more than was written

  bool contains(const IpAddress& address) const;
  // Every address of `narrow` is in this one.
  bool contains(const Cidr& narrow) const;
};

// Empty when `text` was taken over into `out`; else what it must be.
std::string parse_cidr(std::string_view text, Cidr& out);

}  // namespace sluice::config
