#include "protocol/mysql/result_writer.hpp"

#include <string>

#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {
namespace {

constexpr std::uint16_t kBinary = 63;  // the character set of numbers
constexpr std::uint8_t kFixedFields = 0x0C;
constexpr std::uint8_t kNull = 0xFB;
constexpr std::uint8_t kManyDecimals = 31;  // as many as there are
constexpr std::uint32_t kTextLength = 65535;

struct WireType {
  std::uint8_t code;
  std::uint32_t length;
  std::uint8_t decimals;
};

WireType wire_type(ColumnType type) {
  switch (type) {
    case ColumnType::integer:
      return {0x03, 11, 0};
    case ColumnType::bigint:
    case ColumnType::numeric:
      return {0x08, 20, 0};
    case ColumnType::real:
      return {0x05, 22, kManyDecimals};
    case ColumnType::boolean:
      return {0x01, 1, 0};
    case ColumnType::text:
      break;
  }
  return {0xFD, kTextLength, kManyDecimals};
}

bool ends_with_ok(std::uint32_t capabilities) {
  return (capabilities & capability::kDeprecateEof) != 0;
}

Buffer column_packet(const Column& column) {
  const WireType type = wire_type(column.type);
  Buffer out;
  Writer writer(out);
  writer.lenenc_string("def").lenenc_string("").lenenc_string("").lenenc_string("");
  writer.lenenc_string(column.name).lenenc_string(column.name).u8(kFixedFields);
  writer.le16(column.type == ColumnType::text ? kUtf8mb4GeneralCi : kBinary);
  writer.le32(type.length).u8(type.code).le16(0).u8(type.decimals).zeros(2);
  return out;
}

Buffer row_packet(const Row& row) {
  Buffer out;
  Writer writer(out);
  for (const Value& value : row) {
    if (std::holds_alternative<std::monostate>(value)) {
      writer.u8(kNull);
    } else {
      writer.lenenc_string(to_text(value, "1", "0"));
    }
  }
  return out;
}

Ok ok_of(ResultOptions options, std::string_view info = {}) {
  Ok ok;
  ok.status = options.status;
  ok.info = info;
  return ok;
}

}  // namespace

void append_end(Buffer& out, std::uint8_t& sequence, ResultOptions options) {
  append_packet(out, sequence,
                ends_with_ok(options.capabilities)
                    ? encode_ok(ok_of(options), options.capabilities, OkLead::end_of_result)
                    : encode_eof({0, options.status}));
}

void append_result(Buffer& out, std::uint8_t& sequence, const Table& table, ResultOptions options) {
  if (table.columns.empty()) {
    std::string info;
    for (const std::string& note : table.notes) {
      info += (info.empty() ? "" : "; ") + note;
    }
    append_packet(out, sequence, encode_ok(ok_of(options, info), options.capabilities));
    return;
  }
  Buffer count;
  Writer(count).lenenc(table.columns.size());
  append_packet(out, sequence, count);
  for (const Column& column : table.columns) {
    append_packet(out, sequence, column_packet(column));
  }
  if (!ends_with_ok(options.capabilities)) {
    append_packet(out, sequence, encode_eof({0, options.status}));
  }
  for (const Row& row : table.rows) {
    append_packet(out, sequence, row_packet(row));
  }
  append_end(out, sequence, options);
}

}  // namespace sluice::protocol::mysql
