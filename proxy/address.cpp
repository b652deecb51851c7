#include "proxy/address.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace sluice::proxy {
namespace {

using protocol::Failure;
using protocol::FailureKind;
using Addresses = std::vector<SocketAddress>;

// A name with more addresses than this is served from the first ones.
constexpr std::size_t kMaxAddresses = 16;

Failure cannot(Purpose purpose, std::string text) {
  const bool connecting = purpose == Purpose::connect;
  return protocol::fail(connecting ? FailureKind::backend_unreachable : FailureKind::internal,
                        std::move(text));
}

protocol::Result<Addresses> unix_address(const std::string& path, Purpose purpose) {
  sockaddr_un address{};
  if (path.size() >= sizeof(address.sun_path) || path.find('\0') != std::string::npos) {
    return cannot(purpose, "the path of the unix socket '" + path.substr(0, 200) +
                               "' is longer than " + std::to_string(sizeof(address.sun_path) - 1) +
                               " bytes");
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const std::size_t length = offsetof(sockaddr_un, sun_path) + path.size() + 1;
  return Addresses{
      socket_address(reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length))};
}

std::string ipv4_text(const in_addr& address, in_port_t port) {
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, &address, text.data(), text.size());
  return std::string(text.data()) + ":" + std::to_string(ntohs(port));
}

std::string ipv6_text(const sockaddr_in6& address) {
  if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
    in_addr inner{};
    std::memcpy(&inner, address.sin6_addr.s6_addr + 12, sizeof(inner));
    return ipv4_text(inner, address.sin6_port);
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
  return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(address.sin6_port));
}

// Bounded by the length that the kernel gave: the path need not end with a NUL.
std::string unix_text(const SocketAddress& address) {
  constexpr std::size_t kHeader = offsetof(sockaddr_un, sun_path);
  if (address.length <= kHeader) {
    return "unix";
  }
  const char* path = reinterpret_cast<const char*>(&address.storage) + kHeader;
  const std::size_t length = ::strnlen(path, address.length - kHeader);
  return length == 0 ? "unix" : "unix:" + std::string(path, length);
}

}  // namespace

bool operator==(const SocketAddress& a, const SocketAddress& b) {
  return a.length == b.length && std::memcmp(&a.storage, &b.storage, a.length) == 0;
}

SocketAddress socket_address(const sockaddr* address, socklen_t length) {
  SocketAddress result;
  result.length = std::min<socklen_t>(length, sizeof(result.storage));
  std::memcpy(&result.storage, address, result.length);
  return result;
}

protocol::Result<Addresses> resolve(const config::Address& address, Purpose purpose) {
  if (!address.unix_path.empty()) {
    return unix_address(address.unix_path, purpose);
  }
  if (address.host.empty() && purpose == Purpose::connect) {
    return cannot(purpose, "no host to connect to");
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (purpose == Purpose::listen ? AI_PASSIVE : 0);
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  const char* host = address.host.empty() ? nullptr : address.host.c_str();
  const int error = ::getaddrinfo(host, port.c_str(), &hints, &found);
  if (error != 0) {
    const char* reason = error == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(error);
    return cannot(purpose, "cannot resolve '" + address.host + "': " + reason);
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  Addresses addresses;
  for (; found != nullptr && addresses.size() < kMaxAddresses; found = found->ai_next) {
    SocketAddress candidate = socket_address(found->ai_addr, found->ai_addrlen);
    if (std::find(addresses.begin(), addresses.end(), candidate) == addresses.end()) {
      addresses.push_back(candidate);
    }
  }
  return addresses;
}

bool is_literal(const config::Address& address) {
  in6_addr bytes{};
  const char* host = address.host.c_str();
  return !address.unix_path.empty() || ::inet_pton(AF_INET, host, &bytes) == 1 ||
         ::inet_pton(AF_INET6, host, &bytes) == 1;
}

std::string to_string(const SocketAddress& address) {
  switch (address.family()) {
    case AF_INET: {
      const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address.storage);
      return ipv4_text(ipv4.sin_addr, ipv4.sin_port);
    }
    case AF_INET6:
      return ipv6_text(reinterpret_cast<const sockaddr_in6&>(address.storage));
    case AF_UNIX:
      return unix_text(address);
    default:
      return "unknown";
  }
}

std::string to_string(const protocol::ProxyHeader& header) {
  using Source = protocol::ProxyHeader::Source;
  switch (header.source) {
    case Source::ipv4: {
      in_addr address{};
      std::memcpy(&address, header.address.data(), sizeof(address));
      return ipv4_text(address, htons(header.port));
    }
    case Source::ipv6: {
      sockaddr_in6 address{};
      std::memcpy(&address.sin6_addr, header.address.data(), sizeof(address.sin6_addr));
      address.sin6_port = htons(header.port);
      return ipv6_text(address);
    }
    case Source::local:
      return "unix";
    case Source::sender:
      break;
  }
  return {};
}

std::string to_string(const config::Address& address) {
  if (!address.unix_path.empty()) {
    return "unix:" + address.unix_path;
  }
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::string_view host_of(std::string_view printed) {
  if (printed.starts_with('[')) {
    return printed.substr(1, printed.find(']') - 1);
  }
  const std::size_t colon = printed.rfind(':');
  return printed.starts_with("unix") || colon == std::string_view::npos ? std::string_view()
                                                                        : printed.substr(0, colon);
}

}  // namespace sluice::proxy
