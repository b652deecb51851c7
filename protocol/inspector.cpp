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

}  // namespace sluice::protocol
