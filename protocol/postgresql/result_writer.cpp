#include "protocol/postgresql/result_writer.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "protocol/cursor.hpp"
#include "protocol/postgresql/frame.hpp"
#include "protocol/postgresql/messages.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::postgresql {
namespace {

constexpr std::uint32_t kNull = 0xFFFFFFFF;
constexpr std::uint32_t kNoModifier = 0xFFFFFFFF;
constexpr std::uint16_t kVariableSize = 0xFFFF;
constexpr std::uint16_t kNegative = 0x4000;

struct WireType {
  std::uint32_t oid;
  std::uint16_t size;
};

WireType wire_type(ColumnType type) {
  switch (type) {
    case ColumnType::integer:
      return {23, 4};
    case ColumnType::bigint:
      return {20, 8};
    case ColumnType::numeric:
      return {1700, kVariableSize};
    case ColumnType::real:
      return {701, 8};
    case ColumnType::boolean:
      return {16, 1};
    case ColumnType::text:
      break;
  }
  return {25, kVariableSize};
}

Format format_of(const Formats& formats, std::size_t column) {
  if (formats.empty()) {
    return Format::text;
  }
  return formats[formats.size() == 1 ? 0 : std::min(column, formats.size() - 1)];
}

void put_be64(Writer& writer, std::uint64_t value) {
  writer.be32(static_cast<std::uint32_t>(value >> 32U)).be32(static_cast<std::uint32_t>(value));
}

// Int16 groups, Int16 weight of the first, Int16 sign, Int16 digits after the point, the groups.
void put_numeric(Writer& writer, std::int64_t value) {
  std::uint64_t rest =
      value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  std::vector<std::uint16_t> groups;  // the lowest first
  for (; rest != 0; rest /= 10000) {
    groups.push_back(static_cast<std::uint16_t>(rest % 10000));
  }
  writer.be16(static_cast<std::uint16_t>(groups.size()))
      .be16(static_cast<std::uint16_t>(groups.empty() ? 0 : groups.size() - 1))
      .be16(value < 0 ? kNegative : 0)
      .be16(0);
  for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
    writer.be16(*group);
  }
}

void put_binary(Writer& writer, ColumnType type, const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    if (type == ColumnType::numeric) {
      put_numeric(writer, *number);
    } else if (type == ColumnType::integer) {
      writer.be32(static_cast<std::uint32_t>(*number));
    } else {
      put_be64(writer, static_cast<std::uint64_t>(*number));
    }
  } else if (const auto* real = std::get_if<double>(&value)) {
    put_be64(writer, std::bit_cast<std::uint64_t>(*real));
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    writer.u8(*flag ? 1 : 0);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    writer.text(*text);
  }
}

std::string clean(std::string_view text) {
  std::string out(text);
  std::replace(out.begin(), out.end(), '\0', '?');
  return out;
}

}  // namespace

void put_row_description(Buffer& out, const std::vector<Column>& columns, const Formats& formats) {
  Buffer body;
  Writer writer(body);
  writer.be16(static_cast<std::uint16_t>(columns.size()));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const WireType type = wire_type(columns[i].type);
    writer.cstring(columns[i].name).be32(0).be16(0).be32(type.oid).be16(type.size);
    writer.be32(kNoModifier).be16(static_cast<std::uint16_t>(format_of(formats, i)));
  }
  put_message(out, backend::kRowDescription, body);
}

void put_data_row(Buffer& out, const Table& table, const Row& row, const Formats& formats) {
  Buffer body;
  Buffer field;
  Writer writer(body);
  writer.be16(static_cast<std::uint16_t>(row.size()));
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (std::holds_alternative<std::monostate>(row[i])) {
      writer.be32(kNull);
      continue;
    }
    field.clear();
    Writer inner(field);
    if (format_of(formats, i) == Format::binary) {
      put_binary(inner, table.columns[i].type, row[i]);
    } else {
      inner.text(clean(to_text(row[i], "t", "f")));
    }
    writer.be32(static_cast<std::uint32_t>(field.size())).bytes(field);
  }
  put_message(out, backend::kDataRow, body);
}

void put_command_complete(Buffer& out, std::string_view tag) {
  Buffer body;
  Writer(body).cstring(tag);
  put_message(out, backend::kCommandComplete, body);
}

void put_notice(Buffer& out, std::string_view text) {
  Buffer body;
  Writer writer(body);
  writer.text("S").cstring("NOTICE").text("V").cstring("NOTICE").text("C").cstring("00000");
  writer.text("M").cstring(clean(text)).u8(0);
  put_message(out, backend::kNoticeResponse, body);
}

std::optional<BindRequest> parse_bind(Bytes body) {
  Cursor cursor(body);
  BindRequest request;
  request.portal = cursor.cstring();
  request.statement = cursor.cstring();
  cursor.skip(std::size_t{2} * cursor.be16());  // formats of the parameters
  request.parameters = cursor.be16();
  for (std::uint16_t i = 0; i < request.parameters && cursor.ok(); ++i) {
    const std::uint32_t length = cursor.be32();
    if (length != kNull) {
      cursor.skip(length);
    }
  }
  const std::uint16_t formats = cursor.be16();
  for (std::uint16_t i = 0; i < formats && cursor.ok(); ++i) {
    const std::uint16_t format = cursor.be16();
    if (format > 1) {
      return std::nullopt;
    }
    request.formats.push_back(static_cast<Format>(format));
  }
  return cursor.finished() ? std::optional(std::move(request)) : std::nullopt;
}

}  // namespace sluice::protocol::postgresql
