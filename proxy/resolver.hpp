#pragma once

// resolve() that remembers: when the name service fails, the addresses that it gave last are used.
// Thread-safe; blocks as resolve() does.

#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/address.hpp"

namespace sluice::proxy {

class Resolver {
 public:
  using Lookup =
      std::function<protocol::Result<std::vector<SocketAddress>>(const config::Address&)>;

  // Without a lookup of its own it uses resolve() to connect.
  explicit Resolver(Lookup lookup = {});

  protocol::Result<std::vector<SocketAddress>> resolve(const config::Address& address);
  // What the name service gave last, without asking it; never blocks.
  protocol::Result<std::vector<SocketAddress>> known(const config::Address& address);

 private:
  Lookup lookup_;
  std::mutex mutex_;
  // Bounded by the number of addresses in the configuration.
  std::unordered_map<std::string, std::vector<SocketAddress>> last_good_;
};

}  // namespace sluice::proxy
