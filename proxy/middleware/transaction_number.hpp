#pragma once

#include <cstdint>

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

// Numbers the transactions of a session, in the order of the answers. A statement outside of one is
// one of its own. Of a pipeline, what was asked before BEGIN was answered did not yet know of it.
class TransactionNumber {
 public:
  std::uint64_t asked() { return ++asked_; }  // the number of the request
  std::uint64_t last_answered() const { return answered_; }
  std::uint64_t current() const { return number_; }

  std::uint64_t answered(const Asked& asked, protocol::Answer::End end) {
    using Kind = protocol::sql::StatementKind;
    ++answered_;
    const bool inside = asked.in_transaction || answered_ <= begun_until_;
    if (!inside || ended_) {
      ++number_;
    }
    ended_ = false;
    if (asked.digest != nullptr && end == protocol::Answer::End::done) {
      if (asked.digest->has(Kind::commit) || asked.digest->has(Kind::rollback)) {
        ended_ = true;
        begun_until_ = 0;
      } else if (asked.digest->has(Kind::begin)) {
        begun_until_ = asked_;
      }
    }
    return number_;
  }

 private:
  std::uint64_t number_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t begun_until_ = 0;
  bool ended_ = false;
};

}  // namespace sluice::proxy::middleware
