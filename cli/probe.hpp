#pragma once

// `sluice probe`: whether the running sluice is started, live or ready, told by the exit status.
// For those who cannot ask over HTTP themselves, as in an image without a shell.

namespace sluice::cli {

class Commands;
void add_probe(Commands& commands);

}  // namespace sluice::cli
