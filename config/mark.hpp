#pragma once

namespace sluice::config {

// A place in a file.
struct Mark {
  int line = 0;    // from 1; 0 = not known
  int column = 0;  // from 1
};

}  // namespace sluice::config
