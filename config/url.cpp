#include "config/url.hpp"

#include <algorithm>
#include <array>
#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <boost/url/url_view.hpp>
#include <vector>

#include "config/address.hpp"
#include "config/hosts.hpp"
#include "config/suggest.hpp"

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

constexpr std::string_view kHint =
    "not a url; percent-encode what is special in a user or password, or use password_file";

std::string_view authority_of(std::string_view rest) {
  return rest.substr(0, rest.find_first_of("/?#"));
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

std::string check_decoded(const PoolUrl& url) {
  const auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  const bool bad =
      has_nul(url.user) || has_nul(url.database) || (url.password && has_nul(*url.password)) ||
      std::any_of(url.arguments.begin(), url.arguments.end(),
                  [&](const auto& pair) { return has_nul(pair.first) || has_nul(pair.second); });
  return bad ? "holds a NUL byte (%00)" : "";
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

// host, port and unix_socket of the query say where the servers are; the rest are arguments.
std::string parse_query(const boost::urls::url_view& url, Places& places, PoolUrl& out) {
  const bool postgresql = out.protocol == Protocol::postgresql;
  for (const auto& param : url.params()) {
    if (!param.has_value) {
      return "has a parameter without a value: " + quoted(param.key);
    }
    if (postgresql && param.key == "host") {
      add_hosts(param.value, places);
      continue;
    }
    if (postgresql && param.key == "port") {
      add_ports(param.value, places);
      continue;
    }
    const auto same = [&](const auto& pair) { return pair.first == param.key; };
    const bool socket = !postgresql && param.key == "unix_socket";
    if (std::any_of(out.arguments.begin(), out.arguments.end(), same) ||
        (socket && !places.query.empty())) {
      return "has a parameter twice: " + quoted(param.key);
    }
    if (socket) {
      places.query.push_back({param.value, std::nullopt});
    } else {
      out.arguments.emplace_back(param.key, param.value);
    }
  }
  return {};
}

// People write ?host=[::1], although a query may not hold brackets.
std::string encoded_brackets(std::string_view path) {
  const auto query = path.find('?');
  std::string out(path.substr(0, query));
  for (const char c : query == std::string_view::npos ? "" : path.substr(query)) {
    out += c == '[' ? "%5B" : (c == ']' ? "%5D" : std::string(1, c));
  }
  return out;
}

// Boost.URL knows one host: it gets the rest with a host that is none of the url's.
std::string parse_rest(std::string_view rest, PoolUrl& out) {
  const auto authority = authority_of(rest);
  const auto path = rest.substr(authority.size());
  const auto hosts = authority.substr(authority.rfind('@') + 1);
  const auto user_info = authority.substr(0, authority.size() - hosts.size());
  const std::string whole = "sluice://" + std::string(user_info) + "host" + encoded_brackets(path);
  const auto parsed = boost::urls::parse_uri(whole);
  Places places;
  // A raw '/' or '?' in a password ends the authority early and leaves its '@' behind.
  if (!parsed || path.substr(0, path.find('?')).find('@') != std::string_view::npos) {
    return std::string(kHint);
  }
  const boost::urls::url_view& url = *parsed;
  auto split = split_authority(hosts);
  // Boost.URL 1.81 takes what it cannot read of the authority for a part of the path.
  if (!split || url.has_fragment() ||
      url.encoded_authority().size() != user_info.size() + std::string_view("host").size()) {
    return std::string(kHint);
  }
  places.authority = std::move(*split);
  out.user = url.user();
  if (url.has_password() && !url.encoded_password().empty()) {
    out.password = url.password();
  }
  if (out.password && out.user.empty()) {
    return "has a password without a user";
  }
  auto error = parse_query(url, places, out);
  error = error.empty() ? make_addresses(out.protocol, places, out.addresses) : error;
  error = error.empty() ? parse_database(url, out) : error;
  return error.empty() ? check_decoded(out) : error;
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
  const auto is_local = [](const Address& one) { return !one.unix_path.empty(); };
  const bool local = std::any_of(pool.addresses.begin(), pool.addresses.end(), is_local);
  std::string hosts;
  for (const Address& one : pool.addresses) {
    if (!local) {
      hosts += (hosts.empty() ? "" : ",") + print_address(one);
      continue;
    }
    hosts += hosts.empty() ? "?" : "&";
    hosts += postgresql ? "host=" : "unix_socket=";
    hosts += encoded(is_local(one) ? one.unix_path : print_address(one));
  }
  return local ? out + "/" + encoded(pool.database) + hosts
               : out + hosts + "/" + encoded(pool.database);
}

}  // namespace sluice::config
