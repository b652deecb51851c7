#include "proxy/middleware/row_limit.hpp"

namespace sluice::proxy::middleware {
namespace {

class RowLimitPart final : public Part {
 public:
  RowLimitPart(std::uint64_t rows, const Place& place)
      : rows_(rows), instruments_(place.instruments) {}

  void on_request(const protocol::Request& /*request*/, const Now& /*now*/,
                  Verdict& verdict) override {
    if (verdict.limits.rows == 0 || verdict.limits.rows > rows_) {
      verdict.limits.rows = rows_;
    }
  }

  void on_decided(const protocol::Request& /*request*/, const Now& /*now*/,
                  const Verdict& verdict) override {
    shortest_ = verdict.limits.rows == rows_;
  }

  void on_answer(const Asked& /*asked*/, const protocol::Answer& answer,
                 const Now& /*now*/) override {
    if (answer.end == protocol::Answer::End::limited && shortest_ && answer.rows >= rows_) {
      instruments_.cut.add();
    }
  }

 private:
  const std::uint64_t rows_;
  bool shortest_ = false;  // of the chain: it is this one that cuts
  metrics::MiddlewareInstruments& instruments_;
};

class RowLimit final : public Middleware {
 public:
  explicit RowLimit(std::uint64_t rows) : rows_(rows) {}

  std::string_view name() const override { return "row_limit"; }
  Wants wants() const override { return {.request = true, .decided = true, .answer = true}; }
  std::unique_ptr<Part> begin(const Place& place) override {
    return std::make_unique<RowLimitPart>(rows_, place);
  }

 private:
  const std::uint64_t rows_;
};

}  // namespace

Made make(const config::RowLimit& options) {
  if (options.rows == 0) {
    return protocol::fail(protocol::FailureKind::internal, "row_limit: rows must be at least 1");
  }
  return Made(std::make_unique<RowLimit>(options.rows));
}

}  // namespace sluice::proxy::middleware
