#include "proxy/middleware/snapshot_age.hpp"

namespace sluice::proxy::middleware {

Made make(const config::SnapshotAge& /*options*/) {
  return protocol::fail(protocol::FailureKind::internal, "snapshot_age is being built");
}

}  // namespace sluice::proxy::middleware
