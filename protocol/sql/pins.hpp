#pragma once

// What a statement pins by its text alone, for both dialects: what the conversations know of it
// before a server has answered.

#include <string_view>

#include "protocol/conversation.hpp"
#include "protocol/sql/mysql_classifier.hpp"
#include "protocol/sql/scanner.hpp"

namespace sluice::protocol::sql {

PinSet pins_of(const MysqlStatement& effects);
PinSet pins_of(std::string_view text, ScannerOptions options);

}  // namespace sluice::protocol::sql
