#include "proxy/middleware/statement_timeout.hpp"

#include <algorithm>

namespace sluice::proxy::middleware {
namespace {

class TimeoutPart final : public Part {
 public:
  explicit TimeoutPart(Duration limit) : limit_(limit) {}

  bool passes(protocol::RequestKind /*kind*/, const Now& /*now*/) override { return true; }
  Duration timeout() const override { return limit_; }
  void on_request(const protocol::Request& /*request*/, const Now& /*now*/,
                  Verdict& verdict) override {
    verdict.timeout = verdict.timeout > Duration{0} ? std::min(verdict.timeout, limit_) : limit_;
  }

 private:
  const Duration limit_;
};

class StatementTimeout final : public Middleware {
 public:
  explicit StatementTimeout(Duration limit) : limit_(limit) {}

  std::string_view name() const override { return "statement_timeout"; }
  Wants wants() const override {
    Wants wants;
    wants.request = wants.gate = true;
    return wants;
  }
  std::unique_ptr<Part> begin(const Place& /*place*/) override {
    return std::make_unique<TimeoutPart>(limit_);
  }

 private:
  const Duration limit_;
};

}  // namespace

Made make(const config::StatementTimeout& options) {
  if (options.limit <= config::milliseconds{0}) {
    return protocol::fail(protocol::FailureKind::internal,
                          "statement_timeout: limit must be longer than 0s");
  }
  return std::unique_ptr<Middleware>(std::make_unique<StatementTimeout>(options.limit));
}

}  // namespace sluice::proxy::middleware
