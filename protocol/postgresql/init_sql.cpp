#include "protocol/postgresql/init_sql.hpp"

#include <optional>
#include <string>

#include "protocol/cursor.hpp"
#include "protocol/postgresql/session_state.hpp"
#include "protocol/sql/classifier.hpp"
#include "protocol/sql/split.hpp"

namespace sluice::protocol::postgresql {
namespace {

std::optional<std::string_view> column(Cursor& cursor) {
  const std::uint32_t size = cursor.be32();
  Bytes bytes = size == UINT32_MAX ? Bytes{} : cursor.take(size);
  return cursor.ok() && size != UINT32_MAX ? std::optional(as_text(bytes)) : std::nullopt;
}

}  // namespace

std::unique_ptr<Baseline> make_baseline(std::string_view init_sql) {
  auto baseline = std::make_unique<Baseline>();
  baseline->statements.emplace_back(init_sql);
  for (const std::string& statement : sql::split_statements(init_sql, {})) {
    const sql::Effects effects = sql::classify(statement, {});
    if (effects.change == sql::Change::set && !effects.pins.any()) {
      baseline->values.set(effects.name, effects.value);
    } else {
      baseline->more = true;
    }
  }
  return baseline;
}

void add_setting(Settings& values, Bytes row) {
  Cursor cursor(row);
  if (cursor.be16() != 2) {
    return;
  }
  const auto name = column(cursor);
  const auto value = column(cursor);
  if (name && value) {
    values.set(lower_case(*name), *value);
  }
}

}  // namespace sluice::protocol::postgresql
