// What it costs to know what a statement does to its session.

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "protocol/sql/classifier.hpp"
#include "protocol/sql/mysql_classifier.hpp"

namespace {

using namespace sluice::protocol::sql;

constexpr std::string_view kPoint = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;";
constexpr std::string_view kSet = "SET search_path = app, public";
constexpr std::string_view kReport =
    "WITH recent AS (SELECT o.id, o.customer_id, o.total, o.created_at FROM orders o WHERE "
    "o.created_at > now() - interval '7 days' AND o.state IN ('paid', 'sent')) SELECT c.name, "
    "count(*) AS orders, sum(r.total) AS total FROM recent r JOIN customers c ON c.id = "
    "r.customer_id LEFT JOIN refunds f ON f.order_id = r.id WHERE f.id IS NULL GROUP BY c.name "
    "HAVING sum(r.total) > 100 ORDER BY total DESC LIMIT 50";

// An INSERT of many rows: most of it is strings and numbers.
std::string bulk_insert() {
  std::string sql = "INSERT INTO pets (name, type, owner) VALUES ";
  for (int i = 0; i < 500; ++i) {
    sql += (i == 0 ? "" : ", ") + std::string("('a name of some length', 'cat', 12345)");
  }
  return sql;
}

std::string text_of(std::int64_t which) {
  switch (which) {
    case 0:
      return std::string(kPoint);
    case 1:
      return std::string(kSet);
    case 2:
      return std::string(kReport);
    default:
      return bulk_insert();
  }
}

const char* label_of(std::int64_t which) {
  static constexpr const char* kLabels[] = {"point select", "SET", "report", "bulk INSERT"};
  return kLabels[which];
}

void pg_classify(benchmark::State& state) {
  std::string sql = text_of(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(classify(sql, {}));
  }
  state.SetLabel(label_of(state.range(0)));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(sql.size()));
}
BENCHMARK(pg_classify)->DenseRange(0, 3);

void my_classify(benchmark::State& state) {
  std::string sql = text_of(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(classify_mysql(sql, {}));
  }
  state.SetLabel(label_of(state.range(0)));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(sql.size()));
}
BENCHMARK(my_classify)->DenseRange(0, 3);

}  // namespace
