#include "proxy/middleware/read_only.hpp"

namespace sluice::proxy::middleware {

Made make(const config::ReadOnly& /*options*/) {
  return protocol::fail(protocol::FailureKind::internal, "read_only is being built");
}

}  // namespace sluice::proxy::middleware
