#include "config/hosts.hpp"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cctype>

#include "config/address.hpp"
#include "config/units.hpp"

namespace sluice::config {
namespace {

constexpr std::size_t kMaxAddresses = 16;

std::uint16_t default_port(Protocol protocol) {
  return protocol == Protocol::postgresql ? 5432 : 3306;
}

// Always at least one part; parts past the bound are left out, one more than it is enough to tell.
std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto comma = list.find(',');
    parts.push_back(list.substr(0, comma));
    if (comma == std::string_view::npos || parts.size() > kMaxAddresses) {
      return parts;
    }
    list.remove_prefix(comma + 1);
  }
}

// Boost.URL 1.81 takes what it cannot read of an authority for a part of the path.
std::optional<Place> parse_place(std::string_view text) {
  const std::string whole = "sluice://" + std::string(text);
  const auto parsed = boost::urls::parse_uri(whole);
  if (!parsed || parsed->encoded_authority().size() != text.size()) {
    return std::nullopt;
  }
  Place out{parsed->host_address(), std::nullopt};
  if (text.starts_with('[') && !is_ipv6(out.host)) {
    return std::nullopt;
  }
  if (parsed->has_port()) {
    const auto port = parsed->port();
    out.port.emplace(port.data(), port.size());
  }
  return out;
}

// host, host:port, v6, [v6] or [v6]:port. What is none of them is a host that will be refused.
Place split_port(std::string_view text) {
  if (text.starts_with('/') || is_ipv6(text)) {
    return {std::string(text), std::nullopt};
  }
  const auto colon = text.rfind(':');
  const auto bracket = text.rfind(']');
  const bool has_port = colon != std::string_view::npos &&
                        (bracket == std::string_view::npos || colon == bracket + 1);
  std::string_view host = has_port ? text.substr(0, colon) : text;
  if (host.starts_with('[') && host.ends_with(']') && is_ipv6(host.substr(1, host.size() - 2))) {
    host = host.substr(1, host.size() - 2);
  }
  Place out{std::string(host), std::nullopt};
  if (has_port) {
    out.port = text.substr(colon + 1);
  }
  return out;
}

std::string socket_path(Protocol protocol, const std::string& path, std::uint16_t port) {
  const bool whole = protocol == Protocol::mysql || path.find("/.s.PGSQL.") != std::string::npos;
  return whole ? path : path + "/.s.PGSQL." + std::to_string(port);
}

std::string make_address(Protocol protocol, const Place& place, Address& out) {
  out.port = default_port(protocol);
  if (place.port) {
    const auto port = parse_integer(*place.port);
    if (!port || *port < 1 || *port > 65535) {
      return "must have a port from 1 to 65535";
    }
    out.port = static_cast<std::uint16_t>(*port);
  }
  if (place.host.starts_with('/')) {
    const auto path = socket_path(protocol, place.host, out.port);
    if (!is_socket_path(path)) {
      return "must have a unix socket with a path of at most 107 bytes";
    }
    if (protocol == Protocol::postgresql && path.find(',') != std::string::npos) {
      return "must have a unix socket without a comma in its path";
    }
    out = {{}, 0, path};
    return {};
  }
  if (place.host.empty()) {
    return "names no host";
  }
  out.host = place.host;
  return is_host(out.host) ? "" : "must have a host name or an IP address";
}

// The hosts of the query, or else those of the authority, each with the port that it has.
std::string join(Protocol protocol, const Places& places, std::vector<Place>& out) {
  const Place& first = places.authority.front();
  std::vector<std::string> ports = places.ports;
  out = places.authority;
  if (!places.query.empty()) {
    // MySQL clients take a socket beside localhost: the host is a name for the machine then.
    const bool only_a_name = protocol == Protocol::mysql && first.host == "localhost";
    if (places.authority.size() > 1 || !(first.host.empty() || only_a_name)) {
      return protocol == Protocol::mysql ? "names both a host and a unix_socket"
                                         : "names hosts both before the path and behind the ?";
    }
    out = places.query;
    if (first.port && protocol == Protocol::postgresql) {
      ports.insert(ports.begin(), *first.port);
    }
    if (ports.size() > places.ports.size() && !places.ports.empty()) {
      return "gives ports twice, before the path and behind the ?";
    }
  }
  if (ports.empty()) {
    return {};
  }
  if (std::any_of(out.begin(), out.end(), [](const Place& one) { return one.port.has_value(); })) {
    return "gives ports twice, beside the hosts and on their own";
  }
  if (ports.size() != 1 && ports.size() != out.size()) {
    return "must have one port for all hosts, or one for each";
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::string& port = ports[ports.size() == 1 ? 0 : i];
    if (!port.empty() || ports.size() == 1) {
      out[i].port = port;
    }
  }
  return {};
}

bool same(const Address& a, const Address& b) {
  const auto lower = [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  };
  return a.port == b.port && a.unix_path == b.unix_path &&
         std::equal(a.host.begin(), a.host.end(), b.host.begin(), b.host.end(), lower);
}

}  // namespace

std::optional<std::vector<Place>> split_authority(std::string_view hosts) {
  std::vector<Place> out;
  for (const std::string_view part : split(hosts)) {
    auto place = parse_place(part);
    if (!place) {
      return std::nullopt;
    }
    out.push_back(std::move(*place));
  }
  return out;
}

void add_hosts(std::string_view value, Places& places) {
  for (const std::string_view part : split(value)) {
    places.query.push_back(split_port(part));
  }
}

void add_ports(std::string_view value, Places& places) {
  for (const std::string_view part : split(value)) {
    places.ports.emplace_back(part);
  }
}

std::string make_addresses(Protocol protocol, const Places& places, std::vector<Address>& out) {
  std::vector<Place> all;
  if (auto error = join(protocol, places, all); !error.empty()) {
    return error;
  }
  if (all.size() > kMaxAddresses) {
    return "names more than " + std::to_string(kMaxAddresses) + " hosts";
  }
  std::vector<Address> made;
  for (const Place& place : all) {
    const std::string which = all.size() == 1 ? ""
                                              : "; host " + std::to_string(made.size() + 1) +
                                                    " of " + std::to_string(all.size());
    Address address;
    if (auto error = make_address(protocol, place, address); !error.empty()) {
      return error + which;
    }
    const auto known = [&address](const Address& other) { return same(other, address); };
    if (std::any_of(made.begin(), made.end(), known)) {
      return "names the same host and port twice" + which;
    }
    made.push_back(std::move(address));
  }
  out = std::move(made);
  return {};
}

}  // namespace sluice::config
