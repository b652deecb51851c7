#include "proxy/middleware/require_token.hpp"

namespace sluice::proxy::middleware {

Made make(const config::RequireToken& /*options*/) {
  return protocol::fail(protocol::FailureKind::internal, "require_token is being built");
}

}  // namespace sluice::proxy::middleware
