#include "proxy/middleware/statement_timeout.hpp"

namespace sluice::proxy::middleware {

Made make(const config::StatementTimeout& /*options*/) {
  return protocol::fail(protocol::FailureKind::internal, "statement_timeout is being built");
}

}  // namespace sluice::proxy::middleware
