#include "protocol/inspector.hpp"

namespace sluice::protocol {

const sql::ScannerOptions& Request::syntax() const {
  if (!syntax_) {
    syntax_ = source_ != nullptr ? source_->request_syntax() : sql::ScannerOptions{};
  }
  return *syntax_;
}

const std::shared_ptr<const sql::Digest>& Request::shared_digest() const {
  if (digest_ == nullptr) {
    if (kept != nullptr && *kept != nullptr) {
      digest_ = *kept;
    } else {
      digest_ = std::make_shared<const sql::Digest>(sql::digest(text, syntax()));
      if (kept != nullptr) {
        *kept = digest_;
      }
    }
  }
  return digest_;
}

Failure limit_failure(const AnswerLimits& limits, std::uint64_t rows) {
  const bool by_rows = limits.rows != 0 && rows >= limits.rows;
  const std::string bound =
      by_rows ? std::to_string(limits.rows) + " rows, which is the row_limit here"
              : std::to_string(limits.bytes) + " bytes of rows, which is the result_limit here";
  return fail(by_rows ? FailureKind::row_limit : FailureKind::result_limit,
              "the result is cut: it has more than " + bound +
                  "; ask for less (LIMIT, fewer columns), or read it in parts");
}

}  // namespace sluice::protocol
