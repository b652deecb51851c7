#pragma once

// MySQL and MariaDB as a Dialect.

#include "protocol/dialect.hpp"

namespace sluice::protocol::mysql {

const Dialect& mysql_dialect();

}  // namespace sluice::protocol::mysql
