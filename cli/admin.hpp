#pragma once

// The admin port and socket of `sluice run`, as the configuration asks for them.

#include <memory>

#include "config/config.hpp"
#include "metrics/registry.hpp"
#include "protocol/result.hpp"
#include "proxy/admin/health.hpp"
#include "proxy/admin/http.hpp"
#include "proxy/operator/operator.hpp"

namespace sluice::cli {

using AdminPtr = std::unique_ptr<proxy::admin::HttpServer>;

// Starts it; null when neither an address nor a socket is configured. What it is given outlives it.
// `house` null: no API. It takes of the inherited sockets what is bound to its addresses.
protocol::Result<AdminPtr> start_admin(const config::Admin& config,
                                       const metrics::Registry& registry,
                                       const proxy::admin::HealthState& health,
                                       proxy::op::Operator* house,
                                       proxy::InheritedSockets& inherited);

}  // namespace sluice::cli
