#pragma once

// Text results that sluice makes itself, as a server would send them.
//
//   column count   lenenc
//   column         "def"  schema  table  org_table  name  org_name (lenenc strings)  0C  charset 2
//                  length 4  type 1  flags 2  decimals 1  00 00
//   EOF            without CLIENT_DEPRECATE_EOF
//   row            { FB for NULL, else lenenc string }...
//   EOF, or an OK that begins with FE
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset.html

#include <cstdint>

#include "protocol/bytes.hpp"
#include "protocol/table.hpp"

namespace sluice::protocol::mysql {

struct ResultOptions {
  std::uint32_t capabilities = 0;  // agreed on with the client
  std::uint16_t status = 0;        // flags of the last packet
};

// The table as packets; `sequence` is that of the first, and runs on. A table without columns is an
// OK, with the notes as its text.
void append_result(Buffer& out, std::uint8_t& sequence, const Table& table, ResultOptions options);
// The end of a list without entries, or of rows.
void append_end(Buffer& out, std::uint8_t& sequence, ResultOptions options);

}  // namespace sluice::protocol::mysql
