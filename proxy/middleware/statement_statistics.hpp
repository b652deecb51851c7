#pragma once

// statement_statistics: counts each kind of statement, that is its fingerprint, by pool: runs,
// errors, rows and times. The worker's table keeps them (statement_table.hpp), over reloads too;
// all entries of all chains share it.

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::StatementStatistics& options);

}  // namespace sluice::proxy::middleware
