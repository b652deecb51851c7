#pragma once

// `sluice config`: show, schema, init and convert.

namespace sluice::cli {

class Commands;
void add_config(Commands& commands);

}  // namespace sluice::cli
