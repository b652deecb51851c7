#include "proxy/middleware/statement_rules.hpp"

namespace sluice::proxy::middleware {

Made make(const config::StatementRules& /*options*/) {
  return protocol::fail(protocol::FailureKind::internal, "statement_rules is being built");
}

}  // namespace sluice::proxy::middleware
