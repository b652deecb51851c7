#include "config/hosts.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "config/address.hpp"
#include "config/url.hpp"

namespace sluice::config {
namespace {

// What a url names, as `bind` would write it; its error when it has one.
std::string hosts_of(const std::string& text) {
  const PoolUrl url = parse_pool_url(text);
  std::string out = url.error;
  for (const Address& address : url.addresses) {
    out += (out.empty() ? "" : " ") + print_address(address);
  }
  return out;
}

TEST(Hosts, are_taken_in_their_order) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"postgresql://u@a:1,b:2/d", "a:1 b:2"},
      {"postgresql://u:p,w@b,a,c:7/d?application_name=x", "b:5432 a:5432 c:7"},
      {"postgresql://a,b", "a:5432 b:5432"},
      {"postgresql://[::1],[2001:db8::1]:2,h/d", "[::1]:5432 [2001:db8::1]:2 h:5432"},
      {"postgresql://u@/d?host=a,b&port=1,2", "a:1 b:2"},
      {"postgresql://u@/d?host=a,b&port=1", "a:1 b:1"},
      {"postgresql://u@/d?host=a,b,c&port=1,,3", "a:1 b:5432 c:3"},
      {"postgresql://u@:7/d?host=a,b", "a:7 b:7"},
      {"postgresql://u@a,b/d?port=1,2", "a:1 b:2"},
      {"postgresql://a/d?port=9", "a:9"},
      {"postgresql://u@/d?host=a:1&host=b:2", "a:1 b:2"},
      {"postgresql://u@/d?host=a:1&host=b&host=c:3", "a:1 b:5432 c:3"},
      {"postgresql://u@/d?host=a:1,b:2", "a:1 b:2"},
      {"postgresql://u@/d?host=b", "b:5432"},
      {"postgresql://u@/d?host=::1,[::2],[::3]:4", "[::1]:5432 [::2]:5432 [::3]:4"},
      {"postgresql://u@/d?host=%5B::1%5D:4", "[::1]:4"},
      {"postgresql://u@/d?host=/run/pg,b:2", "unix:/run/pg/.s.PGSQL.5432 b:2"},
      {"postgresql://u@/d?host=/run/pg,/run/pg&port=1,2",
       "unix:/run/pg/.s.PGSQL.1 unix:/run/pg/.s.PGSQL.2"},
      {"postgresql://%2Frun%2Fpg:3,b/d", "unix:/run/pg/.s.PGSQL.3 b:5432"},
      {"mysql://u@a:1,b:2/d", "a:1 b:2"},
      {"mysql+pymysql://u:p@a,[::1]/d?charset=utf8mb4", "a:3306 [::1]:3306"},
      {"mysql://localhost/d?unix_socket=/run/my,s", "unix:/run/my,s"},
      {"mysql://a:1,a:2/d", "a:1 a:2"},
      {"mysql://h1,h2,h3,h4,h5,h6,h7,h8,h9,h10,h11,h12,h13,h14,h15,h16/d",
       "h1:3306 h2:3306 h3:3306 h4:3306 h5:3306 h6:3306 h7:3306 h8:3306 h9:3306 h10:3306 "
       "h11:3306 h12:3306 h13:3306 h14:3306 h15:3306 h16:3306"},
  };
  for (const auto& [text, hosts] : rows) {
    EXPECT_EQ(hosts_of(text), hosts) << text;
  }
}

TEST(Hosts, are_refused_with_a_reason) {
  const std::string hint =
      "not a url; percent-encode what is special in a user or password, or use password_file";
  const std::string both = "names hosts both before the path and behind the ?";
  const std::string ports = "gives ports twice, beside the hosts and on their own";
  const std::string counts = "must have one port for all hosts, or one for each";
  const std::string port = "must have a port from 1 to 65535";
  const std::string host = "must have a host name or an IP address";
  std::string many = "h";
  for (int i = 0; i < 16; ++i) {
    many += ",h" + std::to_string(i);
  }
  const std::vector<std::pair<std::string, std::string>> rows{
      {"postgresql://a/d?host=b", both},
      {"postgresql://a,b/d?host=c", both},
      {"postgresql://,/d?host=c", both},
      {"mysql://a,b/d?unix_socket=/s", "names both a host and a unix_socket"},
      {"mysql://localhost,b/d?unix_socket=/s", "names both a host and a unix_socket"},
      {"postgresql://a:1,b/d?port=2", ports},
      {"postgresql://a:1/d?port=2", ports},
      {"postgresql://u@/d?host=a:1,b&port=2,3", ports},
      {"postgresql://:1/d?host=a&port=2", "gives ports twice, before the path and behind the ?"},
      {"postgresql://u@/d?host=a,b&port=1,2,3", counts},
      {"postgresql://u@/d?host=a&port=1,2", counts},
      {"postgresql://u@/d?host=a&port=", port},
      {"postgresql://a:1,b:0/d", port + "; host 2 of 2"},
      {"postgresql://a:70000,b/d", port + "; host 1 of 2"},
      {"postgresql://a:,b/d", port + "; host 1 of 2"},
      {"postgresql://a:x,b/d", hint},
      {"postgresql://a,b:1:2/d", hint},
      {"postgresql://[::1,b/d", hint},
      {"postgresql://[v1.a]/d", hint},
      {"postgresql://u@/d?host=a:x", port},
      {"postgresql://u@/d?host=[b]:1", host},
      {"postgresql://u@/d?host=a:1:2", host},
      {"postgresql://u@/d?host=a,-b", host + "; host 2 of 2"},
      {"mysql://a,,b/d", "names no host; host 2 of 3"},
      {"mysql://a,/d", "names no host; host 2 of 2"},
      {"mysql://,/d", "names no host; host 1 of 2"},
      {"mysql://a,b,a/d", "names the same host and port twice; host 3 of 3"},
      {"mysql://a,b,A:3306/d", "names the same host and port twice; host 3 of 3"},
      {"postgresql://u@/d?host=/run,/run", "names the same host and port twice; host 2 of 2"},
      {"postgresql://%2Frun%2Ca/d", "must have a unix socket without a comma in its path"},
      {"mysql://" + many + "/d", "names more than 16 hosts"},
      {"postgresql:///d?host=" + many, "names more than 16 hosts"},
      {"mysql://a,b@c,d@e/d", hint},
  };
  for (const auto& [text, error] : rows) {
    EXPECT_EQ(hosts_of(text), error) << text;
  }
}

TEST(Hosts, are_printed_so_that_they_can_be_read_again) {
  for (const std::string text :
       {"postgresql://u@a:1,[::1]:2/d", "mysql://a:3306,b:3307/d",
        "postgresql://u@/d?host=%2Frun%2Fpg%2F.s.PGSQL.5432&host=b%3A2&host=%5B%3A%3A1%5D%3A3",
        "mysql://u@/?unix_socket=%2Frun%2Fmy%2Cs"}) {
    const PoolUrl url = parse_pool_url(text);
    Pool pool;
    pool.protocol = url.protocol;
    pool.user = url.user;
    pool.database = url.database;
    pool.addresses = url.addresses;
    EXPECT_EQ(print_pool_url(pool), text);
  }
}

// The url is a file that was not opened.
TEST(Hosts, may_be_unknown) {
  EXPECT_EQ(print_pool_url(Pool()), "postgresql:///");
}

}  // namespace
}  // namespace sluice::config
