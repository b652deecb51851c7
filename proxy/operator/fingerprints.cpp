#include "proxy/operator/fingerprints.hpp"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "proxy/middleware/statement_table.hpp"
#include "proxy/operator/ask.hpp"
#include "proxy/server.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy::op {
namespace {

using middleware::StatementRow;

// May outlive who asks: a worker that is late finds it still there.
struct Tables {
  std::mutex mutex;
  std::condition_variable answered;
  std::vector<std::vector<StatementRow>> rows;
};

std::vector<std::vector<StatementRow>> copy_tables(Server& server) {
  const auto tables = std::make_shared<Tables>();
  const std::size_t workers = server.worker_count();
  for (std::size_t i = 0; i < workers; ++i) {
    Worker& worker = server.worker(i);
    worker.loop.call([tables, &worker] {
      auto rows = worker.statements.rows();
      const std::lock_guard lock(tables->mutex);
      tables->rows.push_back(std::move(rows));
      tables->answered.notify_one();
    });
  }
  std::unique_lock lock(tables->mutex);
  tables->answered.wait_for(lock, kAnswerLimit, [&] { return tables->rows.size() == workers; });
  return std::move(tables->rows);
}

FingerprintView view_of(const StatementRow& row) {
  FingerprintView view;
  const bool others = row.text == nullptr;
  view.id = others ? "others" : fmt::format("{:016x}", row.fingerprint);
  view.text = others ? "all others" : *row.text;
  view.kind = protocol::sql::kind_name(row.kind);
  view.pool = row.pool;
  view.count = row.times.count();
  view.errors = row.errors;
  view.rows = row.rows;
  view.total = row.times.total();
  view.p50 = row.times.at(0.5);
  view.p95 = row.times.at(0.95);
  view.p99 = row.times.at(0.99);
  view.max = row.times.max();
  view.last_seen = row.last_seen;
  return view;
}

}  // namespace

std::vector<FingerprintView> fingerprints(Server& server) {
  if (!server.running()) {
    return {};
  }
  std::vector<FingerprintView> views;
  for (const StatementRow& row : middleware::merged(copy_tables(server))) {
    views.push_back(view_of(row));
  }
  std::sort(views.begin(), views.end(),
            [](const FingerprintView& a, const FingerprintView& b) { return a.total > b.total; });
  return views;
}

}  // namespace sluice::proxy::op
