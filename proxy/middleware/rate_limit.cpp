#include "proxy/middleware/rate_limit.hpp"

namespace sluice::proxy::middleware {

Made make(const config::RateLimit& /*options*/) {
  return protocol::fail(protocol::FailureKind::internal, "rate_limit is being built");
}

}  // namespace sluice::proxy::middleware
