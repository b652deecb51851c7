#pragma once

// Other programs' configurations as ours: PgBouncer's pgbouncer.ini (with its auth_file) and
// ProxySQL's proxysql.cnf. What has no counterpart is told in comments, never dropped in silence.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::config::convert {

// The text of a file that the configuration names; nothing when it cannot be read, and `why` then.
using ReadFile =
    std::function<std::optional<std::string>(const std::string& path, std::string& why)>;

struct Converted {
  std::string yaml;
  std::string error;  // not empty: the source cannot be read, and there is no yaml
  int line = 0;       // of the error; 0: of the whole
};

Converted from_pgbouncer(std::string_view text, const ReadFile& read);
Converted from_proxysql(std::string_view text);

}  // namespace sluice::config::convert
