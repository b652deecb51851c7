#include "proxy/middleware/address_rules.hpp"

namespace sluice::proxy::middleware {

Made make(const config::AddressRules& /*options*/) {
  return protocol::fail(protocol::FailureKind::internal, "address_rules is being built");
}

}  // namespace sluice::proxy::middleware
