#pragma once

// Results that sluice makes itself, as a server would send them.
//
//   RowDescription   'T'  len  Int16 columns  { name, 0  Int32 table 0  Int16 number 0  Int32 type
//                              Int16 size  Int32 modifier -1  Int16 format }...
//   DataRow          'D'  len  Int16 columns  { Int32 length or -1  value }...
//   CommandComplete  'C'  len  tag, 0
//   NoticeResponse   'N'  as ErrorResponse
//
// A value is text, or binary where the client asked for it: integers and doubles big-endian, a
// boolean one byte, numeric as groups of four decimal digits.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/bytes.hpp"
#include "protocol/table.hpp"

namespace sluice::protocol::postgresql {

enum class Format : std::uint8_t { text, binary };

// As in Bind: none = all text, one = that for all, else one for each column.
using Formats = std::vector<Format>;

void put_row_description(Buffer& out, const std::vector<Column>& columns, const Formats& formats);
void put_data_row(Buffer& out, const Table& table, const Row& row, const Formats& formats);
void put_command_complete(Buffer& out, std::string_view tag);
void put_notice(Buffer& out, std::string_view text);

// The result formats of a Bind message: what follows its parameters.
struct BindRequest {
  std::string_view portal;
  std::string_view statement;
  std::uint16_t parameters = 0;
  Formats formats;
};
// nullopt: malformed.
std::optional<BindRequest> parse_bind(Bytes body);

}  // namespace sluice::protocol::postgresql
