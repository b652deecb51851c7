#pragma once

// libconfig, ProxySQL's format.
//
//   name = value ;       or `:` for `=`; the `;` (or `,`) may be left out
//   value = scalar | "text" "more text" | [ scalar, ... ] | ( value, ... ) | { name = value ... }
//   # comment            // comment            /* comment */

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/convert/source.hpp"

namespace sluice::config::convert {

struct LibconfigNode {
  enum class Kind : std::uint8_t { scalar, list, group };

  Kind kind = Kind::scalar;
  int line = 0;
  std::string name;                    // in a group
  std::string text;                    // of a scalar, as it was written, texts without quotes
  std::vector<LibconfigNode> members;  // of a list (or array) or group

  const LibconfigNode* find(std::string_view member) const;
};

struct Libconfig {
  LibconfigNode root;  // a group
  SourceError error;
};

Libconfig read_libconfig(std::string_view text);

}  // namespace sluice::config::convert
