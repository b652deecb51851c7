#pragma once

// `sluice top`: pools and sessions of a running sluice, live in a terminal.

namespace sluice::cli {

class Commands;
void add_top(Commands& commands);

}  // namespace sluice::cli
