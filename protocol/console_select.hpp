#pragma once

// The SELECTs without a table by which drivers ask who they talk to: SELECT 1,
// SELECT version(), @@version_comment AS c LIMIT 1.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/sql/scanner.hpp"
#include "protocol/table.hpp"

namespace sluice::protocol {

// The value of a variable or function, by its name in lower case ("version()", "@@autocommit",
// "current_user"); empty: it is not known.
using ConsoleLookup = std::function<std::optional<Value>(std::string_view name)>;

// Empty: it is another statement, or names something that `lookup` does not know.
std::optional<Table> answer_select(std::string_view statement, sql::ScannerOptions options,
                                   const ConsoleLookup& lookup);

// The words of a statement, in lower case, strings and quoted names without their quotes; at most
// `most` of them.
std::vector<std::string> lower_words(std::string_view statement, sql::ScannerOptions options,
                                     std::size_t most);

}  // namespace sluice::protocol
