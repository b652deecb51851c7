#include "proxy/resolver.hpp"

#include <utility>

namespace sluice::proxy {

Resolver::Resolver(Lookup lookup) : lookup_(std::move(lookup)) {
  if (!lookup_) {
    lookup_ = [](const config::Address& address) {
      return proxy::resolve(address, Purpose::connect);
    };
  }
}

protocol::Result<std::vector<SocketAddress>> Resolver::resolve(const config::Address& address) {
  protocol::Result<std::vector<SocketAddress>> fresh = lookup_(address);
  const std::string key = to_string(address);
  const std::lock_guard lock(mutex_);
  if (fresh) {
    last_good_.insert_or_assign(key, *fresh);
    return fresh;
  }
  auto known = last_good_.find(key);
  if (known == last_good_.end()) {
    return fresh;
  }
  return known->second;
}

protocol::Result<std::vector<SocketAddress>> Resolver::known(const config::Address& address) {
  const std::lock_guard lock(mutex_);
  auto known = last_good_.find(to_string(address));
  if (known == last_good_.end()) {
    return protocol::fail(protocol::FailureKind::backend_unreachable,
                          "cannot resolve '" + address.host + "': the name service is too slow");
  }
  return known->second;
}

}  // namespace sluice::proxy
