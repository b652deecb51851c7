#include "proxy/middleware/idle_in_transaction.hpp"

#include <string>

#include "metrics/log.hpp"

namespace sluice::proxy::middleware {
namespace {

class IdlePart final : public Part {
 public:
  IdlePart(const config::IdleInTransaction& options, const Place& place)
      : options_(options), place_(place) {}

  Ending on_tick(const Moment& moment) override {
    if (!moment.in_transaction || moment.running) {
      return std::nullopt;
    }
    const Duration idle = moment.now.steady - moment.moved_at;
    if (idle < options_.limit || told_of_ == moment.moved_at) {
      return std::nullopt;
    }
    told_of_ = moment.moved_at;  // once for each time that it falls idle
    metrics::log::write(
        metrics::log::Level::warning, "idle_in_transaction", about(place_.identity),
        {{"idle_seconds", idle},
         {"transaction_seconds", moment.now.steady - moment.transaction_at},
         {"text",
          "an open transaction keeps its backend, its locks and its snapshot; end it "
          "before the program does other work"}});
    place_.instruments.reports.add();
    if (options_.action == config::OnReport::report) {
      return std::nullopt;
    }
    return protocol::fail(
        protocol::FailureKind::idle_transaction_timeout,
        "disconnected: no request in an open transaction for the limit of idle_in_transaction (" +
            std::to_string(options_.limit.count()) + " ms); the transaction is rolled back");
  }

 private:
  const config::IdleInTransaction& options_;
  const Place place_;
  TimePoint told_of_{};
};

class IdleInTransaction final : public Middleware {
 public:
  explicit IdleInTransaction(const config::IdleInTransaction& options) : options_(options) {}

  std::string_view name() const override { return "idle_in_transaction"; }
  Wants wants() const override { return {.tick = true}; }
  std::unique_ptr<Part> begin(const Place& place) override {
    return std::make_unique<IdlePart>(options_, place);
  }

 private:
  const config::IdleInTransaction options_;
};

}  // namespace

Made make(const config::IdleInTransaction& options) {
  if (options.limit.count() <= 0) {
    return protocol::fail(protocol::FailureKind::internal,
                          "idle_in_transaction: limit must be longer than 0");
  }
  return Made(std::make_unique<IdleInTransaction>(options));
}

}  // namespace sluice::proxy::middleware
