#pragma once

// What the pool's init_sql has made of a connection, beyond what its login made: where sessions
// start from and what they go back to. A session does not see it as state of its own.

#include <string>
#include <vector>

#include "protocol/settings.hpp"

namespace sluice::protocol {

struct Baseline {
  std::vector<std::string> statements;  // of init_sql, as the dialect sends them
  Settings values;                      // the settings that they make
  Settings own;       // those that belong to the client all the same: autocommit, the character set
  bool more = false;  // they do something else too
  bool refused = false;  // they do what cannot be allowed: nothing is sent

  // A session's own reset has taken the values away: they are set again before the next statement.
  bool lost = false;
  // ... and the rest with them, which only Chore::reset brings back.
  bool rerun = false;

  void forget() {
    lost = true;
    rerun = more;
  }
  void restored() { lost = rerun = false; }
};

}  // namespace sluice::protocol
