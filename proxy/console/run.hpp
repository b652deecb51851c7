#pragma once

// One command of the console, carried out: for the console of both protocols, the HTTP API and
// `sluice ctl` alike.

#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.hpp"
#include "protocol/table.hpp"
#include "proxy/operator/operator.hpp"

namespace sluice::proxy::console {

// What a command has begun and waits for: PAUSE for connections in use, as WAIT_PAUSE does, and
// WAIT_CLOSE for those of before the last RECONNECT.
struct Waiting {
  enum class For : std::uint8_t { pause, reconnect } what{};
  std::string pool;  // "" = all
};

struct Answer {
  protocol::Table table;           // what the client is told when nothing is left to wait for
  std::optional<Waiting> waiting;  // ask is_over() until it says true; empty: nothing
};

// As Operator's calls: not on a worker's thread. Failures: that of bad_command(),
// 42501 (MySQL 1227) for what the user may not do, unknown_database for a pool that there is not,
// or the Operator's own.
protocol::Result<Answer> run(op::Operator& house, const op::Actor& by, op::Right right,
                             std::string_view command);
// What run() would answer, without its rows; nothing is carried out.
protocol::Result<Answer> describe(op::Operator& house, const op::Actor& by, op::Right right,
                                  std::string_view command);
protocol::Result<bool> is_over(op::Operator& house, const Waiting& waiting);

// For who may not use the console at all.
protocol::Failure not_for(std::string_view user);

}  // namespace sluice::proxy::console
