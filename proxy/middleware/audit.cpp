#include "proxy/middleware/audit.hpp"

namespace sluice::proxy::middleware {

Made make(const config::Audit& /*options*/) {
  return protocol::fail(protocol::FailureKind::internal, "audit is being built");
}

}  // namespace sluice::proxy::middleware
