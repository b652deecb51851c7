#pragma once

// A result that sluice makes by itself: what the console answers, whatever the client speaks.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/failure.hpp"

namespace sluice::protocol {

enum class ColumnType : std::uint8_t {
  text,
  integer,  // 32 bits
  bigint,   // 64 bits
  numeric,  // whole numbers of any size; held in 64 bits
  real,     // double precision
  boolean,
};

struct Column {
  std::string name;
  ColumnType type = ColumnType::text;
};

// monostate: NULL. The alternative is that of the column's type: text, a whole number for the
// first three kinds of number, double, bool.
using Value = std::variant<std::monostate, std::string, std::int64_t, double, bool>;
using Row = std::vector<Value>;

struct Table {
  std::vector<Column> columns;  // empty: the command gives no rows
  std::vector<Row> rows;
  std::string tag = "SHOW";        // of the command, for PostgreSQL and the API
  std::vector<std::string> notes;  // what else the client should read, one line each
};

// A table without rows from a short description of its columns: "database user cl_active:i". The
// letter tells the type: i integer, l bigint, n numeric, r real, b boolean; none: text.
Table make_table(std::string_view columns);

// Digits, or the shortest text that gives the same double again; booleans as `yes` and `no` say.
std::string to_text(const Value& value, std::string_view yes, std::string_view no);

}  // namespace sluice::protocol
