#pragma once

// The header that a load balancer puts in front of a connection, ahead of everything else, so that
// the server behind it learns whose connection it is: HAProxy's PROXY protocol
// (proxy-protocol.txt), both versions.
//
//   version 1, a line                              version 2
//   PROXY TCP4 192.0.2.7 10.0.0.2 51122 5432\r\n   +-----------+-----+-----+---------+---------~
//   PROXY TCP6 2001:db8::7 ::1 51122 5432\r\n      | signature | 2 c | f t | be16 n  | n bytes
//   PROXY UNKNOWN ...\r\n                          +-----------+-----+-----+---------+---------~
//   at most 107 bytes                               12 bytes    1     1     2         addresses,
//   TLVs
//
//   c: command (0 LOCAL, 1 PROXY); f: family (0 none, 1 IPv4, 2 IPv6, 3 unix); t: 1 stream, 2
//   datagram. Addresses: of the source, of the destination, then their ports. A TLV: type, be16
//   length, value.

#include <array>
#include <cstddef>
#include <cstdint>

#include "protocol/bytes.hpp"
#include "protocol/machine.hpp"
#include "protocol/result.hpp"

namespace sluice::protocol {

// Whose connection it is.
struct ProxyHeader {
  enum class Source : std::uint8_t {
    sender,  // the balancer's own, as its health checks are, or it does not say whose
    ipv4,
    ipv6,
    local,  // of a client on a unix socket of the balancer: it has no address
  };
  Source source = Source::sender;
  std::array<std::uint8_t, 16> address{};  // in network order; of IPv4 the first four
  std::uint16_t port = 0;

  friend bool operator==(const ProxyHeader&, const ProxyHeader&) = default;
};

constexpr std::size_t kProxyLineLimit = 107;        // bytes of version 1, with its line's end
constexpr std::size_t kProxyHeaderSize = 16;        // of version 2, before its addresses
constexpr std::size_t kProxyBlockLimit = 8 * 1024;  // what may follow: addresses and TLVs

// How many bytes are missing at least, given the first ones of a header: so many may be read, for
// they belong to it; 0: it is whole. Fails as soon as nothing that follows would make a header.
Result<std::size_t> proxy_header_missing(Bytes have);

// A whole header. Fails, as the above, with FailureKind::proxy_header.
Result<ProxyHeader> parse_proxy_header(Bytes header);

// Reads one, and not a byte beyond it: what follows belongs to the session.
Machine<ProxyHeader> read_proxy_header();

}  // namespace sluice::protocol
