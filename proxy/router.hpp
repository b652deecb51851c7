#pragma once

// Which route a client's login takes: the first, in the order of the file, whose match holds.

#include <string_view>
#include <vector>

#include "config/cidr.hpp"
#include "config/config.hpp"
#include "protocol/login.hpp"

namespace sluice::proxy {

// What a login shows of itself. All of it outlives the question.
struct Candidate {
  config::Protocol protocol = config::Protocol::postgresql;
  std::string_view listener;
  std::string_view user;
  std::string_view database;
  std::string_view application_name;
  std::string_view address;      // without a port; "" on a unix socket
  std::string_view tls_subject;  // "" without a verified certificate
  // Startup parameters or connection attributes, and those that are for sluice alone.
  const protocol::Parameters* parameters = nullptr;
  const protocol::Parameters* attributes = nullptr;
  const protocol::Parameters* claims = nullptr;  // one name may occur several times
};

// The match of one route, ready to be asked.
class RouteMatch {
 public:
  // `pool` is the route's, whose protocol its clients must speak. Both outlive it. Blocks of
  // addresses that cannot be read match nothing; the configuration has refused them.
  RouteMatch(const config::Match& match, const config::Pool& pool);

  // Why a login does not take the route: the member of `match`, and of attributes and claims which.
  struct Mismatch {
    std::string_view member;  // "" = it does
    std::string_view name;
  };
  // A user or database with a NUL byte in it matches no route ("user", "database"): a backend's
  // login would send only what is before it.
  Mismatch check(const Candidate& candidate) const;
  bool holds(const Candidate& candidate) const { return check(candidate).member.empty(); }

 private:
  bool holds_address(std::string_view text) const;

  const config::Match* match_;
  config::Protocol pool_protocol_;
  std::vector<config::Cidr> blocks_;
};

}  // namespace sluice::proxy
