#include "protocol/inspector.hpp"

namespace sluice::protocol {

const std::shared_ptr<const sql::Digest>& Request::shared_digest() const {
  if (digest_ == nullptr) {
    if (kept != nullptr && *kept != nullptr) {
      digest_ = *kept;
    } else {
      digest_ = std::make_shared<const sql::Digest>(sql::digest(text, syntax));
      if (kept != nullptr) {
        *kept = digest_;
      }
    }
  }
  return digest_;
}

Failure limit_failure(const AnswerLimits& limits, std::uint64_t rows) {
  if (limits.rows != 0 && rows >= limits.rows) {
    return fail(FailureKind::row_limit, "the result has more than " + std::to_string(limits.rows) +
                                            " rows, which row_limit does not allow; add a LIMIT, "
                                            "or read it in parts");
  }
  return fail(FailureKind::result_limit,
              "the result has more than " + std::to_string(limits.bytes) +
                  " bytes, which result_limit does not allow; ask for fewer rows or columns, or "
                  "read it in parts");
}

}  // namespace sluice::protocol
