#include "proxy/middleware/result_limit.hpp"

namespace sluice::proxy::middleware {
namespace {

class ResultLimitPart final : public Part {
 public:
  ResultLimitPart(std::uint64_t bytes, const Place& place)
      : bytes_(bytes), instruments_(place.instruments) {}

  void on_request(const protocol::Request& /*request*/, const Now& /*now*/,
                  Verdict& verdict) override {
    if (verdict.limits.bytes == 0 || verdict.limits.bytes > bytes_) {
      verdict.limits.bytes = bytes_;
    }
  }

  void on_decided(const protocol::Request& /*request*/, const Now& /*now*/,
                  const Verdict& verdict) override {
    shortest_ = verdict.limits.bytes == bytes_;
    rows_ = verdict.limits.rows;
  }

  // A result that was cut before its limit of rows was too large.
  void on_answer(const Asked& /*asked*/, const protocol::Answer& answer,
                 const Now& /*now*/) override {
    if (answer.end == protocol::Answer::End::limited && shortest_ &&
        (rows_ == 0 || answer.rows < rows_)) {
      instruments_.cut.add();
    }
  }

 private:
  const std::uint64_t bytes_;
  bool shortest_ = false;   // of the chain: it is this one that cuts
  std::uint64_t rows_ = 0;  // the chain's limit of rows
  metrics::MiddlewareInstruments& instruments_;
};

class ResultLimit final : public Middleware {
 public:
  explicit ResultLimit(std::uint64_t bytes) : bytes_(bytes) {}

  std::string_view name() const override { return "result_limit"; }
  Wants wants() const override { return {.request = true, .decided = true, .answer = true}; }
  std::unique_ptr<Part> begin(const Place& place) override {
    return std::make_unique<ResultLimitPart>(bytes_, place);
  }

 private:
  const std::uint64_t bytes_;
};

}  // namespace

Made make(const config::ResultLimit& options) {
  if (options.bytes == 0) {
    return protocol::fail(protocol::FailureKind::internal,
                          "result_limit: bytes must be at least 1");
  }
  return Made(std::make_unique<ResultLimit>(options.bytes));
}

}  // namespace sluice::proxy::middleware
