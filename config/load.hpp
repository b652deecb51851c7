#pragma once

// Reads a configuration file whole and reports every error at once.

#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace sluice::config {

struct Problem {
  std::string file;
  int line = 0;      // from 1; 0 = not known
  int column = 0;    // from 1
  std::string text;  // what is wrong and what to do, with a did-you-mean where one is near
  bool warning = false;
};

struct LoadOptions {
  bool offline = false;  // open none of the files and hosts that the file names
};

struct Loaded {
  std::shared_ptr<const Config> config;  // null when any problem is an error
  std::vector<Problem> problems;         // in the order of the file
  std::vector<std::string> files;        // that were read for it, or should have been
};

Loaded load_file(const std::string& path, const LoadOptions& options);
Loaded load_text(const std::string& text, const std::string& file, const LoadOptions& options);

std::string to_string(const Problem& problem);  // file:line:column: error: text

}  // namespace sluice::config
