#pragma once

// PgBouncer's files.
//
//   ; comment                             # comment
//   [section]
//   key = value to the end of the line
//
// A value of [databases] and [users] is a connect string: key=value pairs, where a value may stand
// between single quotes, which are doubled within. userlist.txt: lines of "user" "secret", where
// double quotes are doubled within.

#include <string_view>
#include <utility>
#include <vector>

#include "config/convert/source.hpp"

namespace sluice::config::convert {

struct Ini {
  std::vector<SourceMap> sections;
  SourceError error;

  SourceMap* find(std::string_view name);
};

Ini read_ini(std::string_view text);
// Into `out`, whose name and line stay.
SourceError read_connect_string(std::string_view text, SourceMap& out);

struct UserList {
  std::vector<std::pair<std::string, std::string>> users;  // name, secret
  SourceError error;
};
UserList read_user_list(std::string_view text);

}  // namespace sluice::config::convert
