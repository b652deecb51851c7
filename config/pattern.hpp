#pragma once

// Shell patterns of routes: * any text, ? one byte, [a-z] and [!a-z] one byte of a set, \ quotes
// the next byte. An empty pattern matches everything.

#include <string_view>

namespace sluice::config {

bool is_pattern(std::string_view pattern);
// Time is bounded by the product of the lengths.
bool matches(std::string_view pattern, std::string_view text);
// True only when everything that `narrow` matches is matched by `wide`; false when in doubt.
bool covers(std::string_view wide, std::string_view narrow);

}  // namespace sluice::config
