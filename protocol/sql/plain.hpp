#pragma once

// A quick look at a whole text: most of what services send is a SELECT, INSERT, UPDATE or DELETE
// without anything in it that a classifier cares about. One pass over the bytes finds that out;
// every other text is for the classifier of its dialect. It errs in one direction alone: what it
// calls plain has no effects for the classifier either, in whatever mode the session reads strings.

#include <cstdint>
#include <string_view>

namespace sluice::protocol::sql {

enum class Plain : std::uint8_t {
  unknown,  // ask the classifier
  nothing,  // no effects
  writes,   // PostgreSQL: Effects::writes and nothing else
};

Plain plain_postgresql(std::string_view text);
// `nothing` or `unknown`: a MysqlStatement without traits.
Plain plain_mysql(std::string_view text);

}  // namespace sluice::protocol::sql
