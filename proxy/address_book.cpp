#include "proxy/address_book.hpp"

#include <algorithm>

namespace sluice::proxy {
namespace {

// A name may give other addresses each time that it is asked for.
constexpr std::size_t kMaxFaults = 64;

}  // namespace

std::vector<Endpoint> AddressBook::order(std::vector<Endpoint> found, TimePoint now) const {
  const std::lock_guard lock(mutex_);
  if (faults_.empty()) {
    return found;
  }
  // The start of time for what has not failed lately: it sorts first, and among itself as it was.
  auto fault_of = [&](const Endpoint& endpoint) {
    auto fault = std::find_if(faults_.begin(), faults_.end(), [&](const Fault& one) {
      return one.address == endpoint.address && now < one.at + kDistrust;
    });
    return fault == faults_.end() ? TimePoint::min() : fault->at;
  };
  std::stable_sort(found.begin(), found.end(),
                   [&](const Endpoint& a, const Endpoint& b) { return fault_of(a) < fault_of(b); });
  return found;
}

void AddressBook::failed(const SocketAddress& address, TimePoint now) {
  const std::lock_guard lock(mutex_);
  forget(address);
  if (faults_.size() == kMaxFaults) {
    faults_.erase(faults_.begin());  // the oldest: they are in the order of their times
  }
  faults_.push_back({address, now});
}

void AddressBook::answered(const SocketAddress& address) {
  const std::lock_guard lock(mutex_);
  forget(address);
}

void AddressBook::forget(const SocketAddress& address) {
  std::erase_if(faults_, [&](const Fault& one) { return one.address == address; });
}

}  // namespace sluice::proxy
