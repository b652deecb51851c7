#include "config/address.hpp"

#include <algorithm>
#include <boost/url/ipv4_address.hpp>
#include <boost/url/ipv6_address.hpp>
#include <optional>

#include "config/units.hpp"

namespace sluice::config {
namespace {

constexpr std::size_t kMaxSocketPath = 107;
constexpr std::string_view kUnixPrefix = "unix:";

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto number = parse_integer(text);
  if (!number || *number < 0 || *number > 65535 || text.starts_with('-')) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(*number);
}

}  // namespace

bool is_ipv6(std::string_view host) {
  return boost::urls::parse_ipv6_address({host.data(), host.size()}).has_value();
}

bool is_ipv4(std::string_view host) {
  return boost::urls::parse_ipv4_address({host.data(), host.size()}).has_value();
}

bool is_host(std::string_view host) {
  if (is_ipv6(host) || is_ipv4(host)) {
    return true;
  }
  const bool only_digits_and_dots = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return !host.empty() && host.size() <= 253 && !only_digits_and_dots && host.front() != '-' &&
         host.front() != '.' && host.find("..") == std::string_view::npos &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '_';
         });
}

bool is_socket_path(std::string_view path) {
  return path.size() > 1 && path.front() == '/' && path.size() <= kMaxSocketPath &&
         path.find('\0') == std::string_view::npos;
}

std::string parse_bind(std::string_view text, Address& out) {
  if (text.starts_with(kUnixPrefix)) {
    const auto path = text.substr(kUnixPrefix.size());
    if (!is_socket_path(path)) {
      return "must be unix: and an absolute path of at most 107 bytes";
    }
    out = {{}, 0, std::string(path)};
    return {};
  }
  std::string expected = "must be host:port, [v6]:port, :port or unix:/path";
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return expected;
  }
  std::string_view host = text.substr(0, colon);
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) {
    return expected + ", with a port from 0 to 65535";
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (!is_ipv6(host)) {
      return expected;
    }
  } else if (host.find(':') != std::string_view::npos) {
    return is_ipv6(host) ? "must have an IPv6 address in brackets, as in [::1]:6432" : expected;
  } else if (!host.empty() && !is_host(host)) {
    return expected;
  }
  out = {std::string(host), *port, {}};
  return {};
}

std::string print_address(const Address& address) {
  if (!address.unix_path.empty()) {
    return std::string(kUnixPrefix) + address.unix_path;
  }
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

bool clash(const Address& a, const Address& b) {
  if (!a.unix_path.empty() || !b.unix_path.empty()) {
    return a.unix_path == b.unix_path;
  }
  if (a.port != b.port || a.port == 0) {
    return false;
  }
  const auto covers = [](const Address& wide, const Address& other) {
    return wide.host.empty() || (wide.host == "0.0.0.0" && is_ipv4(other.host)) ||
           (wide.host.find(':') != std::string::npos && is_ipv6(other.host) && is_ipv6(wide.host) &&
            boost::urls::parse_ipv6_address(wide.host)->is_unspecified());
  };
  return a.host == b.host || covers(a, b) || covers(b, a);
}

}  // namespace sluice::config
