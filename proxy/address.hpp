#pragma once

// From an address of the configuration to what the kernel takes, and from what it gives to text.

#include <sys/socket.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "protocol/proxy_header.hpp"
#include "protocol/result.hpp"

namespace sluice::proxy {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  int family() const { return storage.ss_family; }
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage); }
  bool local() const { return family() == AF_UNIX; }

  friend bool operator==(const SocketAddress& a, const SocketAddress& b);
};

// `length` bytes of an address that accept() or getpeername() filled in.
SocketAddress socket_address(const sockaddr* address, socklen_t length);

enum class Purpose : std::uint8_t {
  connect,
  listen,  // an empty host means all addresses, of IPv4 and of IPv6 (to be bound IPV6_V6ONLY)
};

// At least one address, in the order in which they should be tried, each once. Blocks in the name
// service: for an Offload thread, or for the start of the program. Fails with backend_unreachable,
// or internal for a listener.
protocol::Result<std::vector<SocketAddress>> resolve(const config::Address& address,
                                                     Purpose purpose);

// A path or a numeric address: resolve() asks nobody and does not block.
bool is_literal(const config::Address& address);

// "192.0.2.1:5432", "[2001:db8::1]:5432", "unix:/path", "unix" for a peer without a path. An IPv4
// address inside an IPv6 one (::ffff:192.0.2.1) is printed as IPv4.
std::string to_string(const SocketAddress& address);
// The address in what to_string() made of a client's, without its port; "" on a unix socket.
std::string_view host_of(std::string_view printed);
// Likewise of the client that a load balancer has told of; "" when the header names nobody.
std::string to_string(const protocol::ProxyHeader& header);
// As it is written in the configuration.
std::string to_string(const config::Address& address);

}  // namespace sluice::proxy
