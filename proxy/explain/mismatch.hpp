#pragma once

#include <string>

#include "config/config.hpp"
#include "proxy/router.hpp"

namespace sluice::proxy::explain {

// In words: what the login shows, and what the route wants in its place.
std::string why_not(const RouteMatch::Mismatch& mismatch, const config::Route& route,
                    const Candidate& candidate);

}  // namespace sluice::proxy::explain
