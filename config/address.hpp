#pragma once

// Where to listen: host:port, [v6]:port, :port (all addresses), unix:/path.

#include <string>
#include <string_view>

#include "config/config.hpp"

namespace sluice::config {

// Empty when `text` was taken over into `out`; else what it must be. Nothing is resolved.
std::string parse_bind(std::string_view text, Address& out);
// host:port, [v6]:port, :port or unix:/path.
std::string print_address(const Address& address);

// True when both cannot be listened on at once. Port 0 (any free one) clashes with nothing.
bool clash(const Address& a, const Address& b);

// A DNS name, an IPv4 or an IPv6 literal (without brackets).
bool is_host(std::string_view host);
bool is_ipv6(std::string_view host);
bool is_ipv4(std::string_view host);
// Absolute, and short enough for the kernel's address.
bool is_socket_path(std::string_view path);

}  // namespace sluice::config
