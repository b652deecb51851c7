#pragma once

// init_sql on a PostgreSQL connection: one simple Query, then the question which settings it made.

#include <memory>
#include <string_view>

#include "protocol/baseline.hpp"
#include "protocol/bytes.hpp"

namespace sluice::protocol::postgresql {

// Rows of name and value. It does not show settings of the user's own (a.b), which are therefore
// read from the text of init_sql.
constexpr std::string_view kAskBaseline =
    "SELECT name, setting FROM pg_catalog.pg_settings WHERE source = 'session'";

std::unique_ptr<Baseline> make_baseline(std::string_view init_sql);

// One DataRow of the answer; what is not one of two texts is left out.
void add_setting(Settings& values, Bytes row);

}  // namespace sluice::protocol::postgresql
