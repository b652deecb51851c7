#include "config/url.hpp"

#include <gtest/gtest.h>

namespace sluice::config {
namespace {

TEST(PoolUrl, takes_every_part) {
  const auto url = parse_pool_url(
      "postgresql+psycopg://app:p%40ss%2F%3A@db.example:6000/p%C3%A9ts?options=-c%20x");
  EXPECT_EQ(url.error, "");
  EXPECT_EQ(url.protocol, Protocol::postgresql);
  EXPECT_EQ(url.user, "app");
  EXPECT_EQ(url.password, "p@ss/:");
  EXPECT_EQ(url.addresses.at(0).host, "db.example");
  EXPECT_EQ(url.addresses.at(0).port, 6000);
  EXPECT_EQ(url.database, "p\xC3\xA9ts");
  ASSERT_EQ(url.arguments.size(), 1U);
  EXPECT_EQ(url.arguments[0], std::pair(std::string("options"), std::string("-c x")));
}

TEST(PoolUrl, knows_the_dialects_and_drivers) {
  for (const auto* scheme : {"postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2",
                             "postgresql+asyncpg", "postgresql+psycopg_async"}) {
    const auto url = parse_pool_url(std::string(scheme) + "://h");
    EXPECT_EQ(url.error, "") << scheme;
    EXPECT_EQ(url.protocol, Protocol::postgresql);
    EXPECT_EQ(url.addresses.at(0).port, 5432);
  }
  for (const auto* scheme : {"mysql", "mariadb", "mysql+pymysql", "mysql+mysqldb", "mysql+asyncmy",
                             "mariadb+pymysql", "mariadb+mariadbconnector"}) {
    const auto url = parse_pool_url(std::string(scheme) + "://h");
    EXPECT_EQ(url.error, "") << scheme;
    EXPECT_EQ(url.protocol, Protocol::mysql);
    EXPECT_EQ(url.addresses.at(0).port, 3306);
  }
}

TEST(PoolUrl, leaves_out_what_is_not_there) {
  const auto url = parse_pool_url("mysql://10.0.0.1");
  EXPECT_EQ(url.error, "");
  EXPECT_EQ(url.user, "");
  EXPECT_EQ(url.password, std::nullopt);
  EXPECT_EQ(url.database, "");
  EXPECT_EQ(parse_pool_url("mysql://u:@h/").password, std::nullopt);
  EXPECT_EQ(parse_pool_url("mysql://u@h/").error, "");
}

TEST(PoolUrl, takes_ipv6_literals) {
  const auto url = parse_pool_url("postgresql://u@[2001:db8::1]:5433/d");
  EXPECT_EQ(url.error, "");
  EXPECT_EQ(url.addresses.at(0).host, "2001:db8::1");
  EXPECT_EQ(url.addresses.at(0).port, 5433);
}

TEST(PoolUrl, takes_unix_sockets) {
  EXPECT_EQ(parse_pool_url("postgresql:///d?host=/var/run/pg").addresses.at(0).unix_path,
            "/var/run/pg/.s.PGSQL.5432");
  EXPECT_EQ(
      parse_pool_url("postgresql://u@/d?host=/var/run/pg&port=6000").addresses.at(0).unix_path,
      "/var/run/pg/.s.PGSQL.6000");
  EXPECT_EQ(parse_pool_url("postgresql://u@:6001/d?host=/var/run/pg").addresses.at(0).unix_path,
            "/var/run/pg/.s.PGSQL.6001");
  EXPECT_EQ(parse_pool_url("postgresql://%2Fvar%2Frun/d").addresses.at(0).unix_path,
            "/var/run/.s.PGSQL.5432");
  EXPECT_EQ(
      parse_pool_url("mysql://u@localhost/d?unix_socket=/run/my.sock").addresses.at(0).unix_path,
      "/run/my.sock");
  EXPECT_EQ(parse_pool_url("mysql:///d?unix_socket=/run/my.sock").addresses.at(0).unix_path,
            "/run/my.sock");
}

TEST(PoolUrl, refuses_with_a_reason) {
  const std::string hint =
      "not a url; percent-encode what is special in a user or password, or use password_file";
  const std::string scheme =
      "must start with postgresql:// or mysql:// (mariadb://, and +driver as in SQLAlchemy)";
  const std::vector<std::pair<std::string, std::string>> rows{
      {"", scheme},
      {"db", scheme},
      {"sqlite://h/d", scheme},
      {"POSTGRESQL://h/d", scheme},
      {"postgresql+pymysql://h", "names a driver after + that is not known; it may be left out"},
      {"mysql+://h", "names a driver after + that is not known; it may be left out"},
      {"mysql://u:a@b@h/d", hint},
      {"mysql://u:1/x@h/d", hint},
      {"mysql://u:a#b@h/d", hint},
      {"mysql://u:a?b@h/d", hint},
      {"mysql://h/d#f", hint},
      {"mysql://u:%zz@h/d", hint},
      {"mysql://h:99999/d", "must have a port from 1 to 65535"},
      {"mysql://h:0/d", "must have a port from 1 to 65535"},
      {"mysql://h /d", hint},
      {"mysql:///d", "names no host"},
      {"mysql://:p@h/d", "has a password without a user"},
      {"mysql://h/d/e", "must have one database after the host; write %2F for a / in its name"},
      {"mysql://h/d%00", "holds a NUL byte (%00)"},
      {"mysql://u%00@h/d", "holds a NUL byte (%00)"},
      {"mysql://h/d?charset", "has a parameter without a value: \"charset\""},
      {"mysql://h/d?charset=a&charset=b", "has a parameter twice: \"charset\""},
      {"mysql:///d?unix_socket=/s&unix_socket=/t", "has a parameter twice: \"unix_socket\""},
      {"mysql://h/d?unix_socket=/s", "names both a host and a unix_socket"},
      {"mysql://-h/d", "must have a host name or an IP address"},
      {"postgresql:///d?host=/" + std::string(120, 'x'),
       "must have a unix socket with a path of at most 107 bytes"},
  };
  for (const auto& [text, error] : rows) {
    EXPECT_EQ(parse_pool_url(text).error, error) << text;
  }
}

TEST(PoolUrl, prints_without_the_password) {
  Pool pool;
  pool.protocol = Protocol::mysql;
  pool.addresses = {{"::1", 3306, {}}};
  pool.user = "a@b";
  pool.password = "hidden";
  pool.database = "d/e";
  EXPECT_EQ(print_pool_url(pool), "mysql://a%40b@[::1]:3306/d%2Fe");
  pool.addresses = {{{}, 0, "/run/my.sock"}};
  EXPECT_EQ(print_pool_url(pool), "mysql://a%40b@/d%2Fe?unix_socket=%2Frun%2Fmy.sock");
}

}  // namespace
}  // namespace sluice::config
