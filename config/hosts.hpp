#pragma once

// Where a pool url says that its servers are, one or several, in the forms of libpq and of
// SQLAlchemy:
//
//   a:5432,b:5433,[::1]:5434         between // and the path
//   host=a,b&port=5432,5433          behind the ?; one port may stand for all
//   host=a:5432&host=b:5433          behind the ?; also with commas
//   host=/run/postgresql             the folder of a unix socket, or the socket

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace sluice::config {

// As written, decoded; a host may be the path of a unix socket. Nothing is checked yet.
struct Place {
  std::string host;
  std::optional<std::string> port;
};

struct Places {
  std::vector<Place> authority;    // at least one, which may be without a host
  std::vector<Place> query;        // of host, or of unix_socket
  std::vector<std::string> ports;  // of port
};

// The parts between the commas of an authority without its userinfo; nothing when one of them is
// not what RFC 3986 calls a host with a port.
std::optional<std::vector<Place>> split_authority(std::string_view hosts);
// Adds the decoded value of one `host` of a query, or of one `port`.
void add_hosts(std::string_view value, Places& places);
void add_ports(std::string_view value, Places& places);

// Empty when all could be made out; else what is wrong, without any part of the url.
std::string make_addresses(Protocol protocol, const Places& places, std::vector<Address>& out);

}  // namespace sluice::config
