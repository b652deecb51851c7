#include "proxy/middleware/settings.hpp"

namespace sluice::proxy::middleware {

Made make(const config::SessionSettings& /*options*/) {
  return protocol::fail(protocol::FailureKind::internal, "settings is being built");
}

}  // namespace sluice::proxy::middleware
