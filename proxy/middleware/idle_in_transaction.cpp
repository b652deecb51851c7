#include "proxy/middleware/idle_in_transaction.hpp"

namespace sluice::proxy::middleware {

Made make(const config::IdleInTransaction& /*options*/) {
  return protocol::fail(protocol::FailureKind::internal, "idle_in_transaction is being built");
}

}  // namespace sluice::proxy::middleware
