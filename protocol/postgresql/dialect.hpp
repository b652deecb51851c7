#pragma once

#include "protocol/dialect.hpp"

namespace sluice::protocol::postgresql {

const Dialect& postgresql_dialect();

}  // namespace sluice::protocol::postgresql
