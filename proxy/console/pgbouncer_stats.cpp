// SHOW STATS, its two halves, and TOTALS, with PgBouncer's columns. Times are microseconds. An
// average is over the time since the start, where PgBouncer's is over the last minute; a time is
// that of one transaction, of one statement, or of one ask for a connection. Prepared statements
// and logins are not counted by pool: they are 0.

#include <array>
#include <cmath>

#include "proxy/console/topics.hpp"
#include "proxy/console/views.hpp"

namespace sluice::proxy::console {
namespace {

using protocol::Row;
using protocol::Table;

constexpr std::size_t kCounts = 12;
constexpr std::size_t kTransactions = 1;
constexpr std::size_t kQueries = 2;
constexpr std::size_t kTransactionTime = 5;
constexpr std::size_t kQueryTime = 6;
constexpr std::size_t kWaitTime = 7;
constexpr std::size_t kAcquires = 0;

// In PgBouncer's order: assignments, transactions, queries, received, sent, time of transactions,
// of queries, waited; Parse of clients and to servers, Bind; logins.
using Counts = std::array<std::int64_t, kCounts>;

Counts counts_of(const op::PoolTotals& totals) {
  Counts counts{};
  counts[kAcquires] = wide(totals.acquires);
  counts[kTransactions] = wide(totals.transactions);
  counts[kQueries] = wide(totals.queries);
  counts[3] = wide(totals.bytes_from_clients);
  counts[4] = wide(totals.bytes_to_clients);
  counts[kTransactionTime] = microseconds(totals.transaction_time);
  counts[kQueryTime] = microseconds(totals.query_time);
  counts[kWaitTime] = microseconds(totals.wait_time);
  return counts;
}

std::int64_t share(std::int64_t time, std::int64_t count) {
  return count == 0 ? 0 : time / count;
}

Counts averages_of(const Counts& counts, op::Duration uptime) {
  const double up = std::max(1.0, seconds(uptime));
  Counts averages{};
  for (std::size_t i = 0; i < kCounts; ++i) {
    averages[i] = std::llround(static_cast<double>(counts[i]) / up);
  }
  averages[kTransactionTime] = share(counts[kTransactionTime], counts[kTransactions]);
  averages[kQueryTime] = share(counts[kQueryTime], counts[kQueries]);
  averages[kWaitTime] = share(counts[kWaitTime], counts[kAcquires]);
  return averages;
}

void append(Row& row, const Counts& counts) {
  row.insert(row.end(), counts.begin(), counts.end());
}

}  // namespace

// Behind PgBouncer's columns: total_requests, which total_query_count was called before 1.8 and
// older exporters read.
Table show_stats(op::Operator& house) {
  Table table = protocol::make_table(
      "database total_server_assignment_count:n total_xact_count:n total_query_count:n "
      "total_received:n total_sent:n total_xact_time:n total_query_time:n total_wait_time:n "
      "total_client_parse_count:n total_server_parse_count:n total_bind_count:n "
      "total_client_login_count:n avg_server_assignment_count:n avg_xact_count:n "
      "avg_query_count:n avg_recv:n avg_sent:n avg_xact_time:n avg_query_time:n avg_wait_time:n "
      "avg_client_parse_count:n avg_server_parse_count:n avg_bind_count:n "
      "avg_client_login_count:n total_requests:n");
  const op::Duration uptime = house.status().uptime;
  for (const op::PoolTotals& totals : house.totals()) {
    const Counts counts = counts_of(totals);
    Row row{totals.pool};
    append(row, counts);
    append(row, averages_of(counts, uptime));
    row.emplace_back(counts[kQueries]);
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table show_stats_totals(op::Operator& house) {
  Table table = protocol::make_table(
      "database server_assignment_count:n xact_count:n query_count:n bytes_received:n "
      "bytes_sent:n xact_time:n query_time:n wait_time:n client_parse_count:n "
      "server_parse_count:n bind_count:n client_login_count:n");
  for (const op::PoolTotals& totals : house.totals()) {
    Row row{totals.pool};
    append(row, counts_of(totals));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table show_stats_averages(op::Operator& house) {
  Table table = protocol::make_table(
      "database server_assignment_count:n xact_count:n query_count:n bytes_received:n "
      "bytes_sent:n xact_time:n query_time:n wait_time:n avg_client_parse_count:n "
      "avg_server_parse_count:n avg_bind_count:n avg_client_login_count:n");
  const op::Duration uptime = house.status().uptime;
  for (const op::PoolTotals& totals : house.totals()) {
    Row row{totals.pool};
    append(row, averages_of(counts_of(totals), uptime));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table show_totals(op::Operator& house) {
  constexpr std::array<const char*, kCounts> kNames{"server_assignment_count",
                                                    "xact_count",
                                                    "query_count",
                                                    "client_bytes",
                                                    "server_bytes",
                                                    "xact_time",
                                                    "query_time",
                                                    "wait_time",
                                                    "ps_client_parse_count",
                                                    "ps_server_parse_count",
                                                    "ps_bind_count",
                                                    "client_login_count"};
  Table table = protocol::make_table("name value:n");
  Counts sum{};
  for (const op::PoolTotals& totals : house.totals()) {
    const Counts counts = counts_of(totals);
    for (std::size_t i = 0; i < kCounts; ++i) {
      sum[i] += counts[i];
    }
  }
  const Counts averages = averages_of(sum, house.status().uptime);
  for (std::size_t i = 0; i < kCounts; ++i) {
    table.rows.push_back({std::string("total_") + kNames[i], sum[i]});
  }
  for (std::size_t i = 0; i < kCounts; ++i) {
    table.rows.push_back({std::string("avg_") + kNames[i], averages[i]});
  }
  return table;
}

}  // namespace sluice::proxy::console
