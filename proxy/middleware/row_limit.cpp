#include "proxy/middleware/row_limit.hpp"

namespace sluice::proxy::middleware {

Made make(const config::RowLimit& /*options*/) {
  return protocol::fail(protocol::FailureKind::internal, "row_limit is being built");
}

}  // namespace sluice::proxy::middleware
