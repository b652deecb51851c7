#pragma once

// The words of an explanation.

#include <string>
#include <string_view>

#include "config/config.hpp"
#include "protocol/conversation.hpp"
#include "proxy/router.hpp"

namespace sluice::proxy::explain {

// What the login shows, and what the route wants in its place.
std::string why_not(const RouteMatch::Mismatch& mismatch, const config::Route& route,
                    const Candidate& candidate);
std::string_view why_pinned(protocol::Pin pin);

}  // namespace sluice::proxy::explain
