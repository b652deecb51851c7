#pragma once

// A text in double quotes, for a line of the log or of a JSON file. It may come from a client:
// quotes, backslashes, control characters, marks that change the direction of writing and what is
// no UTF-8 are escaped, so that a text can neither end a line nor invent a field.

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::metrics {

// What becomes of a byte that is no UTF-8.
enum class BadByte : std::uint8_t {
  replaced,  // U+FFFD: JSON has no way to say it
  hex,       // \xff
};

void append_quoted(std::string& out, std::string_view text, BadByte bad = BadByte::replaced);

// With U+FFFD in place of each byte that is no UTF-8; of JSON, the same JSON.
std::string valid_utf8(std::string text);

}  // namespace sluice::metrics
