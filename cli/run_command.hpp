#pragma once

// `sluice run`: what it takes; run.hpp has what it does.

namespace sluice::cli {

class Commands;
void add_run(Commands& commands);

}  // namespace sluice::cli
