#pragma once

// Which of a pool's addresses to try first. What failed lately comes last, so that one dead address
// of several costs nothing but the attempt that found it out. Thread-safe.

#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "proxy/address.hpp"
#include "proxy/loop.hpp"

namespace sluice::proxy {

// An address to connect to, and the host of the pool's url that gave it.
struct Endpoint {
  SocketAddress address;
  std::string host;

  friend bool operator==(const Endpoint& a, const Endpoint& b) = default;
};

class AddressBook {
 public:
  // For so long after its last failure an address is tried after the others.
  static constexpr auto kDistrust = std::chrono::seconds(30);

  // The same endpoints: those without a recent failure as they were given, then the others, the one
  // whose failure is the longest ago first.
  std::vector<Endpoint> order(std::vector<Endpoint> found, TimePoint now) const;

  void failed(const SocketAddress& address, TimePoint now);
  void answered(const SocketAddress& address);

 private:
  struct Fault {
    SocketAddress address;
    TimePoint at;
  };
  void forget(const SocketAddress& address);

  mutable std::mutex mutex_;
  std::vector<Fault> faults_;  // bounded: see failed()
};

}  // namespace sluice::proxy
