#pragma once

// Pool urls as SQLAlchemy writes them:
//
//   postgresql+psycopg://user:password@host:5432/database?application_name=pets
//   mysql+pymysql://user:password@[::1]/database?unix_socket=/run/mysqld/mysqld.sock
//   dialect[+driver]   userinfo         authority path      query
//
// RFC 3986, but that there may be several hosts (hosts.hpp); user, password, port and database may
// be left out.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/connect_args.hpp"

namespace sluice::config {

struct PoolUrl {
  Protocol protocol = Protocol::postgresql;
  std::vector<Address> addresses;  // 1 to 16, all different, in their order
  std::string user;
  std::string database;
  std::optional<std::string> password;
  Arguments arguments;  // of the query, except those that say where the server is
  std::string error;    // not empty: nothing else counts. Never holds a part of the url's secrets.
};

PoolUrl parse_pool_url(std::string_view text);
// Without the password and the arguments.
std::string print_pool_url(const Pool& pool);

}  // namespace sluice::config
