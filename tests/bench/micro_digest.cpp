// What it costs to know what a statement is.

#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <string_view>

#include "protocol/sql/digest.hpp"

namespace {

using namespace sluice::protocol::sql;

constexpr std::string_view kPoint = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;";
constexpr std::string_view kOrm =
    "SELECT users.id AS users_id, users.name AS users_name, users.email AS users_email FROM users "
    "WHERE users.id IN ($1::INTEGER, $2::INTEGER, $3::INTEGER) ORDER BY users.name LIMIT $4";

// An INSERT of many rows: most of it is strings and numbers.
std::string bulk_insert() {
  std::string sql = "INSERT INTO pets (name, type, owner) VALUES ";
  for (int i = 0; i < 500; ++i) {
    sql += (i == 0 ? "" : ", ") + std::string("('a name of some length', 'cat', 12345)");
  }
  return sql;
}

void sql_digest(benchmark::State& state) {
  static const std::array<std::pair<const char*, std::string>, 3> kTexts{
      {{"point select", std::string(kPoint)},
       {"ORM", std::string(kOrm)},
       {"bulk INSERT", bulk_insert()}}};
  const auto& [label, sql] = kTexts.at(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(digest(sql, {}));
  }
  state.SetLabel(label);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(sql.size()));
}
BENCHMARK(sql_digest)->DenseRange(0, 2);

}  // namespace
