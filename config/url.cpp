#include "config/url.hpp"

#include <algorithm>
#include <array>
#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <boost/url/url_view.hpp>
#include <vector>

#include "config/address.hpp"
#include "config/suggest.hpp"
#include "config/units.hpp"

namespace sluice::config {
namespace {

struct Scheme {
  std::string_view dialect;
  Protocol protocol;
};

constexpr std::array<Scheme, 4> kSchemes{{{"postgresql", Protocol::postgresql},
                                          {"postgres", Protocol::postgresql},
                                          {"mysql", Protocol::mysql},
                                          {"mariadb", Protocol::mysql}}};
constexpr std::array<std::string_view, 6> kPostgresqlDrivers{
    "psycopg", "psycopg2", "psycopg2cffi", "psycopg_async", "asyncpg", "pg8000"};
constexpr std::array<std::string_view, 8> kMysqlDrivers{
    "pymysql",        "mysqldb",          "asyncmy", "aiomysql",
    "mysqlconnector", "mariadbconnector", "cymysql", "pyodbc"};

constexpr std::string_view kSeveralHosts = "several hosts: not supported yet";
constexpr std::string_view kHint =
    "not a url; percent-encode what is special in a user or password, or use password_file";

std::string_view authority_of(std::string_view rest) {
  return rest.substr(0, rest.find_first_of("/?#"));
}

std::uint16_t default_port(Protocol protocol) {
  return protocol == Protocol::postgresql ? 5432 : 3306;
}

// "mysql+pymysql": the dialect decides, the driver must only be one of that dialect.
std::string parse_scheme(std::string_view scheme, PoolUrl& out) {
  const auto plus = scheme.find('+');
  const auto dialect = scheme.substr(0, plus);
  const auto* found = std::find_if(kSchemes.begin(), kSchemes.end(),
                                   [&](const Scheme& known) { return known.dialect == dialect; });
  if (found == kSchemes.end()) {
    return "must start with postgresql:// or mysql:// (mariadb://, and +driver as in SQLAlchemy)";
  }
  out.protocol = found->protocol;
  if (plus == std::string_view::npos) {
    return {};
  }
  const auto driver = scheme.substr(plus + 1);
  const auto is = [driver](std::string_view known) { return known == driver; };
  const bool known = out.protocol == Protocol::postgresql
                         ? std::any_of(kPostgresqlDrivers.begin(), kPostgresqlDrivers.end(), is)
                         : std::any_of(kMysqlDrivers.begin(), kMysqlDrivers.end(), is);
  return known ? "" : "names a driver after + that is not known; it may be left out";
}

// What Boost.URL would take, although a person who wrote it meant something else.
std::string check_shape(std::string_view rest) {
  const auto authority = authority_of(rest);
  const auto host = authority.substr(authority.rfind('@') + 1);
  if (host.find(',') != std::string_view::npos) {
    return std::string(kSeveralHosts);
  }
  // A raw '/' or '?' in a password ends the authority early and leaves its '@' behind.
  const auto path = rest.substr(authority.size());
  if (path.substr(0, path.find('?')).find('@') != std::string_view::npos) {
    return std::string(kHint);
  }
  return {};
}

std::string check_decoded(const PoolUrl& url) {
  const auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  const bool bad = has_nul(url.user) || has_nul(url.database) || has_nul(url.address.host) ||
                   (url.password && has_nul(*url.password)) ||
                   std::any_of(url.arguments.begin(), url.arguments.end(), [&](const auto& pair) {
                     return has_nul(pair.first) || has_nul(pair.second);
                   });
  return bad ? "holds a NUL byte (%00)" : "";
}

bool parse_port(std::string_view text, std::uint16_t& out) {
  const auto port = parse_integer(text);
  if (!port || *port < 1 || *port > 65535) {
    return false;
  }
  out = static_cast<std::uint16_t>(*port);
  return true;
}

std::string socket_path(Protocol protocol, const std::string& path, std::uint16_t port) {
  const bool whole = protocol == Protocol::mysql || path.find("/.s.PGSQL.") != std::string::npos;
  return whole ? path : path + "/.s.PGSQL." + std::to_string(port);
}

std::string parse_database(const boost::urls::url_view& url, PoolUrl& out) {
  const auto segments = url.segments();
  if (segments.size() > 1) {
    return "must have one database after the host; write %2F for a / in its name";
  }
  if (!segments.empty()) {
    out.database = *segments.begin();
  }
  return {};
}

// host, port and unix_socket of the query say where the server is; the rest are arguments.
std::string parse_query(const boost::urls::url_view& url, PoolUrl& out) {
  for (const auto& param : url.params()) {
    if (!param.has_value) {
      return "has a parameter without a value: " + quoted(param.key);
    }
    const bool place = (out.protocol == Protocol::mysql && param.key == "unix_socket") ||
                       (out.protocol == Protocol::postgresql && param.key == "host");
    if (place) {
      if (param.value.find(',') != std::string::npos || !out.address.host.empty()) {
        return param.key == "host" ? std::string(kSeveralHosts)
                                   : "names both a host and a unix_socket";
      }
      out.address.host = param.value;
    } else if (out.protocol == Protocol::postgresql && param.key == "port") {
      if (!parse_port(param.value, out.address.port)) {
        return "must have a port from 1 to 65535";
      }
    } else {
      const auto same = [&](const auto& pair) { return pair.first == param.key; };
      if (std::any_of(out.arguments.begin(), out.arguments.end(), same)) {
        return "has a parameter twice: " + quoted(param.key);
      }
      out.arguments.emplace_back(param.key, param.value);
    }
  }
  return {};
}

std::string parse_place(const boost::urls::url_view& url, PoolUrl& out) {
  out.address.port = default_port(out.protocol);
  if (url.has_port()) {
    const auto text = url.port();
    if (!parse_port({text.data(), text.size()}, out.address.port)) {
      return "must have a port from 1 to 65535";
    }
  }
  out.address.host = url.host_address();
  // MySQL clients take a socket beside localhost; the host is only a name for the machine then.
  if (out.protocol == Protocol::mysql && out.address.host == "localhost" &&
      url.params().contains("unix_socket")) {
    out.address.host.clear();
  }
  if (auto error = parse_query(url, out); !error.empty()) {
    return error;
  }
  if (out.address.host.starts_with('/')) {
    const auto path = socket_path(out.protocol, out.address.host, out.address.port);
    if (!is_socket_path(path)) {
      return "must have a unix socket with a path of at most 107 bytes";
    }
    out.address = {{}, 0, path};
    return {};
  }
  if (out.address.host.empty()) {
    return "names no host";
  }
  return is_host(out.address.host) ? "" : "must have a host name or an IP address";
}

std::string parse_rest(std::string_view rest, PoolUrl& out) {
  if (auto error = check_shape(rest); !error.empty()) {
    return error;
  }
  const std::string whole = "sluice://" + std::string(rest);
  const auto parsed = boost::urls::parse_uri(whole);
  if (!parsed) {
    return std::string(kHint);
  }
  const boost::urls::url_view& url = *parsed;
  // Boost.URL 1.81 takes what it cannot read of the authority for a part of the path.
  const auto authority = url.encoded_authority();
  if (url.has_fragment() ||
      std::string_view(authority.data(), authority.size()) != authority_of(rest)) {
    return std::string(kHint);
  }
  out.user = url.user();
  if (url.has_password() && !url.encoded_password().empty()) {
    out.password = url.password();
  }
  if (out.password && out.user.empty()) {
    return "has a password without a user";
  }
  for (const auto part : {parse_place, parse_database}) {
    if (auto error = part(url, out); !error.empty()) {
      return error;
    }
  }
  return check_decoded(out);
}

std::string encoded(const std::string& text) {
  return boost::urls::encode(text, boost::urls::unreserved_chars);
}

}  // namespace

PoolUrl parse_pool_url(std::string_view text) {
  PoolUrl out;
  const auto cut = text.find("://");
  const auto scheme = cut == std::string_view::npos ? std::string_view() : text.substr(0, cut);
  out.error = parse_scheme(scheme, out);
  if (out.error.empty()) {
    out.error = parse_rest(text.substr(cut + 3), out);
  }
  return out;
}

std::string print_pool_url(const Pool& pool) {
  const bool postgresql = pool.protocol == Protocol::postgresql;
  std::string out = postgresql ? "postgresql://" : "mysql://";
  if (!pool.user.empty()) {
    out += encoded(pool.user) + "@";
  }
  if (pool.addresses.front().unix_path.empty()) {
    out += print_address(pool.addresses.front());
  }
  out += "/" + encoded(pool.database);
  if (!pool.addresses.front().unix_path.empty()) {
    out += (postgresql ? "?host=" : "?unix_socket=") + encoded(pool.addresses.front().unix_path);
  }
  return out;
}

}  // namespace sluice::config
