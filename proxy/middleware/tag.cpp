#include "proxy/middleware/tag.hpp"

namespace sluice::proxy::middleware {

Made make(const config::Tag& /*options*/) {
  return protocol::fail(protocol::FailureKind::internal, "tag is being built");
}

}  // namespace sluice::proxy::middleware
