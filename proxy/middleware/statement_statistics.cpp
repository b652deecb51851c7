#include "proxy/middleware/statement_statistics.hpp"

#include "proxy/middleware/statement_table.hpp"

namespace sluice::proxy::middleware {
namespace {

using End = protocol::Answer::End;

class StatementStatisticsPart final : public Part {
 public:
  StatementStatisticsPart(const StatementTable::Bounds& bounds, const Place& place)
      : bounds_(bounds), identity_(place.identity), table_(place.statements) {}

  void on_answer(const Asked& asked, const protocol::Answer& answer, const Now& now) override {
    // Without a table this is a chain that only explains.
    if (table_ == nullptr || asked.digest == nullptr || answer.end == End::skipped) {
      return;
    }
    const std::string& pool = asked.pool.empty() ? identity_.pool : asked.pool;
    table_->add(*asked.digest, pool,
                {now.steady - asked.at, answer.rows, answer.end != End::done, now.wall}, bounds_);
  }

 private:
  const StatementTable::Bounds& bounds_;
  const Identity& identity_;
  StatementTable* const table_;
};

class StatementStatistics final : public Middleware {
 public:
  explicit StatementStatistics(const config::StatementStatistics& options)
      : bounds_{options.max_fingerprints, options.max_text} {}

  std::string_view name() const override { return "statement_statistics"; }
  Wants wants() const override {
    Wants wants;
    wants.answer = true;
    wants.digest = true;
    return wants;
  }
  std::unique_ptr<Part> begin(const Place& place) override {
    return std::make_unique<StatementStatisticsPart>(bounds_, place);
  }

 private:
  const StatementTable::Bounds bounds_;
};

}  // namespace

Made make(const config::StatementStatistics& options) {
  return std::unique_ptr<Middleware>(std::make_unique<StatementStatistics>(options));
}

}  // namespace sluice::proxy::middleware
