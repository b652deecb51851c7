#include "proxy/middleware/n_plus_one.hpp"

namespace sluice::proxy::middleware {

Made make(const config::NPlusOne& /*options*/) {
  return protocol::fail(protocol::FailureKind::internal, "n_plus_one is being built");
}

}  // namespace sluice::proxy::middleware
