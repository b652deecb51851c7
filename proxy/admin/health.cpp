#include "proxy/admin/health.hpp"

#include <cstddef>

namespace sluice::proxy::admin {

Health backends_ready(config::Readiness rule, std::span<const BackendHealth> backends) {
  std::string down;
  std::size_t count = 0;
  for (const BackendHealth& backend : backends) {
    if (!backend.up.value_or(true)) {
      down += (count++ == 0 ? "" : ", ") + backend.pool;
    }
  }
  const bool all_down = count > 0 && count == backends.size();
  const bool refuse =
      (rule == config::Readiness::all && count > 0) || (rule == config::Readiness::any && all_down);
  return refuse ? Health{false, "backend down: " + down} : Health{};
}

Health HealthState::live() const {
  return sources_.live ? sources_.live() : Health{};
}

Health HealthState::started() const {
  return started_.load() ? Health{} : Health{false, "starting"};
}

Health HealthState::ready() const {
  if (draining_.load()) {
    return {false, "draining"};
  }
  if (!started_.load()) {
    return {false, "starting"};
  }
  if (!sources_.backends || readiness_.load() == config::Readiness::none) {
    return {};
  }
  return backends_ready(readiness_.load(), sources_.backends());
}

}  // namespace sluice::proxy::admin
