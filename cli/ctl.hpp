#pragma once

// `sluice ctl`, `reload` and `drain`: have the running sluice do something.

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "cli/table.hpp"
#include "protocol/result.hpp"

namespace sluice::cli {

class Commands;
void add_ctl(Commands& commands);
void add_reload(Commands& commands);
void add_drain(Commands& commands);

// What POST /api/v1/console answers, as a table; it has no columns when the command has no result.
// Fails when it is something else.
protocol::Result<Table> table_of(const boost::json::value& answer);
// A value as it stands in a cell: texts without quotes, null as nothing.
std::string cell_text(const boost::json::value& value);
// Rows as objects by column, for programs; with a newline.
std::string rows_as_json(const Table& table, const boost::json::value& answer);
// Whether what the command has begun is over.
bool is_done(const boost::json::value& answer);
// The command that asks whether `command`, which was answered with `tag`, is over, and begins
// nothing; "" where there is none.
std::string question_about(const std::string& command, std::string_view tag);
// What POST /api/v1/reload answers, in words.
std::string reload_text(const boost::json::value& answer);

}  // namespace sluice::cli
