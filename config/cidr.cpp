#include "config/cidr.hpp"

#include <algorithm>
#include <boost/url/ipv4_address.hpp>
#include <boost/url/ipv6_address.hpp>

#include "config/units.hpp"

namespace sluice::config {
namespace {

constexpr unsigned kMappedBits = 96;
constexpr unsigned kAllBits = 128;

using Bytes = std::array<std::uint8_t, 16>;

IpAddress from_v4(const std::array<std::uint8_t, 4>& four) {
  IpAddress address;
  address.v4 = true;
  address.bytes[10] = 0xff;
  address.bytes[11] = 0xff;
  std::copy(four.begin(), four.end(), address.bytes.begin() + kMappedBits / 8);
  return address;
}

// Only the first `bits` bits are left.
Bytes masked(Bytes bytes, unsigned bits) {
  for (unsigned at = 0; at < bytes.size(); ++at) {
    const unsigned left = bits > at * 8 ? std::min(bits - at * 8, 8U) : 0;
    bytes[at] = static_cast<std::uint8_t>(bytes[at] & (0xff00U >> left));
  }
  return bytes;
}

std::string print(const IpAddress& address) {
  if (address.v4) {
    std::array<std::uint8_t, 4> four{};
    std::copy(address.bytes.begin() + kMappedBits / 8, address.bytes.end(), four.begin());
    return boost::urls::ipv4_address(four).to_string();
  }
  return boost::urls::ipv6_address(address.bytes).to_string();
}

// "/8" of "10.0.0.0/8"; empty: not a number of bits of this family.
std::optional<unsigned> parse_bits(std::string_view text, bool v4) {
  const auto number = parse_integer(text);
  const unsigned most = v4 ? kAllBits - kMappedBits : kAllBits;
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  if (!digits || !number || *number < 0 || *number > most) {
    return std::nullopt;
  }
  return static_cast<unsigned>(*number) + (v4 ? kMappedBits : 0);
}

}  // namespace

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (const auto v4 = boost::urls::parse_ipv4_address({text.data(), text.size()})) {
    return from_v4(v4->to_bytes());
  }
  const auto v6 = boost::urls::parse_ipv6_address({text.data(), text.size()});
  if (!v6) {
    return std::nullopt;
  }
  IpAddress address;
  address.bytes = v6->to_bytes();
  address.v4 = v6->is_v4_mapped();
  return address;
}

bool Cidr::contains(const IpAddress& address) const {
  return address.v4 == network.v4 && masked(address.bytes, bits) == network.bytes;
}

bool Cidr::contains(const Cidr& narrow) const {
  return bits <= narrow.bits && contains(narrow.network);
}

std::string parse_cidr(std::string_view text, Cidr& out) {
  const auto slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  const auto address = parse_ip(host);
  if (!address) {
    return "must be an address or a block of addresses, as in 10.0.0.0/8 or 2001:db8::/32";
  }
  unsigned bits = kAllBits;
  if (slash != std::string_view::npos) {
    // ::ffff:10.0.0.0/104 counts the bits of the address that it is written as.
    const bool v4_bits = address->v4 && host.find(':') == host.npos;
    const auto given = parse_bits(text.substr(slash + 1), v4_bits);
    if (!given || (address->v4 && *given < kMappedBits)) {
      return address->v4 ? "must have a prefix length from 0 to 32 behind the slash"
                         : "must have a prefix length from 0 to 128 behind the slash";
    }
    bits = *given;
  }
  Cidr block{*address, bits};
  block.network.bytes = masked(address->bytes, bits);
  if (block.network.bytes != address->bytes) {
    const unsigned written = block.network.v4 ? bits - kMappedBits : bits;
    return "names an address inside of its block: write " + print(block.network) + "/" +
           std::to_string(written);
  }
  out = block;
  return {};
}

}  // namespace sluice::config
