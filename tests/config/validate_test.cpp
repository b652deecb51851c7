#include "config/validate.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/config/support.hpp"

namespace sluice::config {
namespace {

using test::Part;
using test::problems;
using test::sample;

using Lines = std::vector<std::string>;

TEST(Validate, at_least_one_of_each) {
  EXPECT_EQ(problems("version: 1\n"), (Lines{"f:1:1: error: listeners: there must be at least one",
                                             "f:1:1: error: pools: there must be at least one",
                                             "f:1:1: error: routes: there must be at least one"}));
  EXPECT_EQ(problems("version: 1\nlisteners: []\npools: {}\nroutes: []\n"),
            (Lines{"f:2:12: error: listeners: there must be at least one",
                   "f:3:8: error: pools: there must be at least one",
                   "f:4:9: error: routes: there must be at least one"}));
}

TEST(Validate, what_must_be_given) {
  EXPECT_EQ(problems("listeners: [{}]\npools: {p: {}}\nusers: [{}]\nroutes: [{}]\n"),
            (Lines{"f:1:13: error: listeners[0].name: is missing; it must be given",
                   "f:1:13: error: listeners[0].protocol: is missing; it must be given",
                   "f:1:13: error: listeners[0].bind: is missing; it must be given",
                   "f:2:9: error: pools.p.url: is missing; it must be given",
                   "f:3:9: error: users[0].name: is missing; it must be given",
                   "f:3:9: error: users[0]: has no secret; give one of password, scram_verifier, "
                   "md5_hash, mysql_native_hash and caching_sha2_hash, or its *_file",
                   "f:4:10: error: routes[0].name: is missing; it must be given",
                   "f:4:10: error: routes[0].pool: is missing; it must be given"}));
}

TEST(Validate, names_are_unique) {
  EXPECT_EQ(problems(sample(Part::user, "password: a\n").text + "# more\n"), Lines{});
  const auto text = std::string(R"(listeners:
  - {name: l, protocol: mysql, bind: ":1"}
  - {name: l, protocol: mysql, bind: ":2"}
pools: {p: {url: "mysql://h"}}
users:
  - {name: u, password: a}
  - {name: u, password: b}
routes:
  - {name: r, pool: p, match: {user: a}}
  - {name: r, pool: p}
)");
  EXPECT_EQ(problems(text),
            (Lines{"f:3:12: error: listeners[1].name: \"l\" is also the name of listeners[0]",
                   "f:7:12: error: users[1].name: \"u\" is also the name of users[0]",
                   "f:10:12: error: routes[1].name: \"r\" is also the name of routes[0]"}));
}

TEST(Validate, pool_names_are_names) {
  EXPECT_EQ(problems(R"(listeners: [{name: l, protocol: mysql, bind: ":1"}]
pools:
  p: {url: "mysql://h"}
  "a b": {url: "mysql://h"}
routes: [{name: r, pool: p}]
)"),
            Lines{"f:4:3: error: pools: the key \"a b\" must be a name of 1 to 63 letters, digits, "
                  "\"_\", \"-\" and \".\""});
}

TEST(Validate, listeners_that_verify_need_authorities) {
  const std::string files = "cert_file: /nonexistent/c, key_file: /nonexistent/k";
  EXPECT_EQ(problems(sample(Part::listener, "tls: {mode: verify-full, " + files + "}").text, true),
            Lines{"f:5:10: error: listeners[0].tls.client_ca_file: is missing; client certificates "
                  "are verified by it"});
  EXPECT_EQ(problems(sample(Part::listener,
                            "tls: {mode: verify-ca, client_ca_file: /nonexistent/a, " + files + "}")
                         .text,
                     true),
            Lines{});
  EXPECT_EQ(problems(sample(Part::listener, "tls: {client_ca_file: /nonexistent/a}").text, true),
            Lines{"f:5:27: warning: listeners[0].tls.client_ca_file: has no effect: no client is "
                  "asked for a certificate unless the mode is verify-ca or verify-full"});
}

TEST(Validate, listeners_need_a_certificate_for_tls) {
  EXPECT_EQ(problems(sample(Part::listener, "tls: {mode: prefer}").text),
            (Lines{"f:5:10: error: listeners[0].tls.cert_file: is missing; tls needs it unless its "
                   "mode is disable",
                   "f:5:10: error: listeners[0].tls.key_file: is missing; tls needs it unless its "
                   "mode is disable"}));
  EXPECT_EQ(
      problems(sample(Part::listener,
                      "tls: {mode: require, cert_file: /nonexistent/c, key_file: /nonexistent/k}")
                   .text,
               true),
      Lines{});
}

TEST(Validate, proxy_protocol_is_for_load_balancers_that_have_an_address) {
  EXPECT_EQ(problems(sample(Part::listener, "proxy_protocol: {trusted: [10.0.0.0/8, ::1]}").text),
            Lines{});
  EXPECT_EQ(
      problems(
          sample(Part::listener, "proxy_protocol: {trusted: [0.0.0.0/0, 10.0.0.0/8, ::/0]}").text),
      (Lines{"f:5:32: warning: listeners[0].proxy_protocol.trusted[0]: trusts everybody who can "
             "connect to say which address is his; name the load balancers",
             "f:5:55: warning: listeners[0].proxy_protocol.trusted[2]: trusts everybody who can "
             "connect to say which address is his; name the load balancers"}));
  EXPECT_EQ(problems(R"(listeners:
  - {name: a, protocol: mysql, bind: "unix:/run/x", proxy_protocol: {trusted: [10.0.0.0/8]}}
pools: {p: {url: "mysql://h"}}
routes: [{name: r, pool: p}]
)"),
            Lines{"f:2:69: error: listeners[0].proxy_protocol: has no place on a unix socket: who "
                  "connects there has no address that could be trusted; give the load balancer a "
                  "listener of its own on host:port"});
}

TEST(Validate, addresses_are_unique) {
  EXPECT_EQ(problems(R"(listeners:
  - {name: a, protocol: mysql, bind: "0.0.0.0:1"}
  - {name: b, protocol: mysql, bind: "127.0.0.1:1"}
pools: {p: {url: "mysql://h"}}
routes: [{name: r, pool: p}]
)"),
            Lines{"f:3:38: error: listeners[1].bind: the address is taken by listeners[0].bind"});
}

TEST(Validate, routes_name_pools_of_their_protocol) {
  EXPECT_EQ(problems(R"(listeners: [{name: l, protocol: mysql, bind: ":1"}]
pools: {pets: {url: "mysql://h"}}
routes:
  - {name: a, pool: pest, match: {user: a}}
  - {name: b, pool: pets, match: {protocol: postgresql}}
)"),
            (Lines{"f:4:21: error: routes[0].pool: there is no pool \"pest\"; did you mean "
                   "\"pets\"?",
                   "f:5:21: error: routes[1].pool: the pool \"pets\" does not speak the protocol "
                   "of match.protocol"}));
}

TEST(Validate, a_user_has_one_secret) {
  EXPECT_EQ(
      problems(
          sample(Part::user, "password: a\nmd5_hash: md500000000000000000000000000000000").text),
      Lines{"f:9:5: error: users[0]: has several secrets; give one of password, scram_verifier, "
            "md5_hash, mysql_native_hash and caching_sha2_hash, or its *_file"});
}

TEST(Validate, a_pool_password_belongs_to_the_user_of_its_url) {
  const std::string frame = R"(listeners: [{name: l, protocol: mysql, bind: ":1"}]
routes: [{name: r, pool: p}]
pools: {p: {url: "mysql://)";
  EXPECT_EQ(problems(frame + "h\", password: a}}\n"),
            Lines{"f:3:18: error: pools.p.url: has no user, so that a password has nobody to "
                  "belong to"});
  EXPECT_EQ(problems(frame + "u:x@h\", password: a}}\n"),
            Lines{"f:3:45: error: pools.p.password: given twice, here and in the url"});
}

TEST(Validate, a_unix_socket_of_postgresql_has_no_tls) {
  auto text = sample(Part::pool, "tls: {mode: require}").text;
  text.replace(text.find("app@db/pets"), 11, "app@/pets?host=/run/pg");
  EXPECT_EQ(problems(text),
            Lines{"f:8:10: error: pools.p.tls: a PostgreSQL server has no TLS on a unix socket"});
}

TEST(Validate, warns_of_routes_that_are_never_reached) {
  const std::string text = R"(listeners: [{name: l, protocol: mysql, bind: ":1"}]
pools: {p: {url: "mysql://h"}, q: {url: "postgresql://h"}}
routes:
  - {name: a, pool: p, match: {user: "a*"}}
  - {name: b, pool: p, match: {user: "ab*", database: d}}
  - {name: c, pool: q, match: {user: "ab*"}}
  - {name: d, pool: p}
)";
  EXPECT_EQ(
      problems(text),
      Lines{"f:5:5: warning: routes[1]: the route \"b\" is never reached: the route \"a\" in line "
            "4 takes all that it matches first"});
  EXPECT_NE(test::load(text).config, nullptr);
}

}  // namespace
}  // namespace sluice::config
