#include "proxy/middleware/connection_limit.hpp"

namespace sluice::proxy::middleware {

Made make(const config::ConnectionLimit& /*options*/) {
  return protocol::fail(protocol::FailureKind::internal, "connection_limit is being built");
}

}  // namespace sluice::proxy::middleware
