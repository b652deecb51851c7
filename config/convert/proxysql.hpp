#pragma once

// The steps of from_proxysql(), on one draft. ProxySQL's tables come for both of its protocols:
// mysql_servers and pgsql_servers, and so on.

#include <map>
#include <string>
#include <vector>

#include "config/convert/draft.hpp"
#include "config/convert/libconfig.hpp"

namespace sluice::config::convert::proxysql {

struct Side {
  std::string prefix;                      // mysql | pgsql
  std::string protocol;                    // mysql | postgresql
  SourceMap variables;                     // mysql_variables
  std::map<long long, std::string> pools;  // by hostgroup
};

// The rows of a table, each as keys and texts; what is not a row is told.
std::vector<SourceMap> rows_of(const LibconfigNode& root, const std::string& table, Draft& draft);

void add_listeners(Side& side, Draft& draft);
void add_limits(Side& side, Draft& draft);
void add_servers(Side& side, const LibconfigNode& root, Draft& draft);
// Users, each with a route to the pool of its hostgroup.
void add_users(Side& side, const LibconfigNode& root, Draft& draft);
// Query rules, as statement_rules of the routes.
void add_rules(Side& side, const LibconfigNode& root, Draft& draft);

// Whole and positive, or a note that it is not, and `otherwise`.
long long number(SourceMap& from, std::string_view key, long long otherwise, Draft& draft);
// 0, false: off.
bool is_on(std::string_view text);
// What nobody has taken.
void lose_rest(const SourceMap& from, const std::string& what, std::vector<std::string>& notes);

}  // namespace sluice::config::convert::proxysql
