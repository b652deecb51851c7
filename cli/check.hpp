#pragma once

// `sluice check`, and how every command reads a configuration file.

#include <memory>
#include <string>

#include "config/config.hpp"

namespace sluice::cli {

class Commands;
void add_check(Commands& commands);

// Prints every problem on standard error; null when one of them is an error, or with `strict` when
// there is any.
std::shared_ptr<const config::Config> load(const std::string& path, bool offline,
                                           bool strict = false);

struct CheckOptions {
  std::string path;
  bool offline = false;  // open none of the files and hosts that it names
  bool connect = false;  // log in to each pool that names its user
  bool strict = false;   // warnings are errors
};
// The exit status.
int run_check(const CheckOptions& options);

}  // namespace sluice::cli
