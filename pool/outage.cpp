#include "pool/outage.hpp"

#include <algorithm>

namespace sluice::pool {

void Outage::failed(TimePoint now, OpenFailure failure, std::size_t in_flight, Jitter& jitter) {
  const bool stale = stale_ > 0;
  stale_ -= stale ? 1 : 0;
  if (failure == OpenFailure::given_up || limits_.connect_retry_min <= Duration(0)) {
    return;
  }
  if (stale && failures_ == 0) {
    return;  // it began before forget()
  }
  permanent_ = permanent_ || failure == OpenFailure::permanent;
  if (stale) {
    return;
  }
  if (failures_ == 0) {
    since_ = now;
    stale_ = in_flight;
  }
  constexpr std::uint32_t kMaxDoublings = 30;
  Duration wait = limits_.connect_retry_min;
  for (std::uint32_t i = 0; i < std::min(failures_, kMaxDoublings); ++i) {
    wait = std::min(wait * 2, std::max(limits_.connect_retry_max, limits_.connect_retry_min));
  }
  ++failures_;
  const double factor = 0.8 + 0.4 * static_cast<double>(jitter.next());
  retry_at_ = now + std::chrono::duration_cast<Duration>(wait * factor);
}

}  // namespace sluice::pool
