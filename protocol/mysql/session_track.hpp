#pragma once

// What an OK packet says about changes of the session (CLIENT_SESSION_TRACK): a list of
//
//   type 1  data lenenc
//     00 system variables      { name lenenc  value lenenc }...
//     01 schema                name lenenc
//     02 state change          the character '1', without a length of its own
//     03 GTIDs                 encoding 1  text lenenc
//     04 transaction characteristics  lenenc string, SQL that restores them
//     05 transaction state     lenenc string of 8 characters, as "T_______"
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_ok_packet.html

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/bytes.hpp"
#include "protocol/result.hpp"

namespace sluice::protocol::mysql {

enum class TrackType : std::uint8_t {
  system_variables = 0,
  schema = 1,
  state_change = 2,
  gtids = 3,
  transaction_characteristics = 4,
  transaction_state = 5,
};

struct TrackEntry {
  TrackType type = TrackType::system_variables;
  std::string_view name;   // system variables: the variable
  std::string_view value;  // its value; schema, flag, GTIDs, SQL or state string
};

// More entries than any server sends in one OK are a failure.
inline constexpr std::size_t kMaxTrackEntries = 4096;

// One entry per system variable. Types that are not known are left out: their data is delimited,
// and servers add types (MariaDB has its own). The views borrow from `session_state`.
Result<std::vector<TrackEntry>> decode_session_state(Bytes session_state);

// The entries as bytes for Ok::session_state.
Buffer encode_session_state(const std::vector<TrackEntry>& entries);

}  // namespace sluice::protocol::mysql
