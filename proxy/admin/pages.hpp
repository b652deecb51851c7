#pragma once

// The pages that every admin server has: what a scraper and a kubelet ask for.

#include <vector>

#include "metrics/registry.hpp"
#include "proxy/admin/health.hpp"
#include "proxy/admin/router.hpp"

namespace sluice::proxy::admin {

// /metrics, /livez, /readyz, /startupz. Both arguments must outlive the server.
std::vector<Page> standard_pages(const metrics::Registry& registry, const HealthState& health);

}  // namespace sluice::proxy::admin
