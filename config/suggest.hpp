#pragma once

// Did-you-mean for keys and values that are not known.

#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

// `; did you mean "x"?` for the nearest candidate within a third of its length, else "".
std::string did_you_mean(std::string_view given, const std::vector<std::string>& candidates);

// A key or name as it may appear in a message: printable, and cut when it is long.
std::string quoted(std::string_view name);

}  // namespace sluice::config
