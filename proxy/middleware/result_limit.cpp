#include "proxy/middleware/result_limit.hpp"

namespace sluice::proxy::middleware {

Made make(const config::ResultLimit& /*options*/) {
  return protocol::fail(protocol::FailureKind::internal, "result_limit is being built");
}

}  // namespace sluice::proxy::middleware
