#pragma once

// Collation ids of the handshake that name a character set and a collation. The ids never change;
// `SELECT ID, CHARACTER_SET_NAME, COLLATION_NAME FROM information_schema.COLLATIONS` lists them.

#include <cstdint>
#include <string_view>

namespace sluice::protocol::mysql {

struct Collation {
  std::uint16_t id;
  std::string_view charset;
  std::string_view name;
};

// Null for an id that is not known here; a server then uses its own default.
const Collation* find_collation(std::uint16_t id, bool mariadb);
// The default collation of a character set, or the collation of that name; null if not known.
const Collation* find_collation(std::string_view charset_or_collation);

}  // namespace sluice::protocol::mysql
