#pragma once

// n_plus_one: reports a read that one session runs again and again with other literals, which is
// what lazy loading in a loop looks like: as often as `threshold` within one transaction, or
// outside of transactions within `window`. Once for each such run, in the log and in the metric.
//
// A text without parameters that is the same each time (a ping) is not counted. The values of
// parameters are not seen: each execution of a statement that has some counts as another.

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::NPlusOne& options);

}  // namespace sluice::proxy::middleware
