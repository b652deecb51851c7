#pragma once

// SET statements that are plain enough to be carried as settings of a session.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/sql/scanner.hpp"

namespace sluice::protocol::sql {

using NamedValues = std::vector<std::pair<std::string, std::string>>;

// Names and values in their order, when `text` holds nothing but `SET name = value` (in PostgreSQL
// also SELECT set_config(name, value, false), which is the same); names as the
// server folds them, a user variable of MySQL with its '@'. SET LOCAL, GLOBAL and TRANSACTION,
// DEFAULT and expressions are not plain.
std::optional<NamedValues> plain_sets(std::string_view text, ScannerOptions options);

}  // namespace sluice::protocol::sql
