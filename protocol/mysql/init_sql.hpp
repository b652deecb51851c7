#pragma once

// init_sql on a MySQL connection: its statements, sent as commands of their own. The session
// trackers tell which settings they make.

#include <memory>
#include <string_view>

#include "protocol/baseline.hpp"

namespace sluice::protocol::mysql {

std::unique_ptr<Baseline> make_baseline(std::string_view init_sql);

}  // namespace sluice::protocol::mysql
