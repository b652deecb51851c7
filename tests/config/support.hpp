#pragma once

// A small configuration that is right, with a place in each of its parts for a test's own lines.

#include <string>
#include <vector>

#include "config/load.hpp"

namespace sluice::config::test {

enum class Part { listener, pool, user, route, top };

struct Sample {
  std::string text;
  int line = 0;  // of the first inserted line
};

// `lines` are indented to stand in the part; the user has a password unless the part is `user`.
Sample sample(Part part, const std::string& lines);

Loaded load(const std::string& text, bool offline = false);
// As a person sees them; the file is called "f".
std::vector<std::string> problems(const std::string& text, bool offline = false);

}  // namespace sluice::config::test
