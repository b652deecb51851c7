#include "proxy/admin/endpoints.hpp"

#include <array>

#include "proxy/admin/api_act.hpp"
#include "proxy/admin/api_read.hpp"

namespace sluice::proxy::admin {
namespace {

using enum config::AdminRight;

constexpr std::array<Endpoint, 22> kEndpoints{{
    {"GET", "/api/v1/openapi.json", none, &api::openapi},
    {"GET", "/api/v1/me", read_only, &api::me},
    {"GET", "/api/v1/status", read_only, &api::status},
    {"GET", "/api/v1/pools", read_only, &api::pools},
    {"GET", "/api/v1/sessions", read_only, &api::sessions},
    {"GET", "/api/v1/backends", read_only, &api::backends},
    {"GET", "/api/v1/routes", read_only, &api::routes},
    {"GET", "/api/v1/schedules", read_only, &api::schedules},
    {"GET", "/api/v1/totals", read_only, &api::totals},
    {"GET", "/api/v1/fingerprints", read_only, &api::fingerprints},
    {"GET", "/api/v1/events", read_only, &api::events},
    {"GET", "/api/v1/config", read_only, &api::config},
    {"POST", "/api/v1/reload", act, &api::reload},
    {"POST", "/api/v1/pause", act, &api::pause},
    {"POST", "/api/v1/resume", act, &api::resume},
    {"POST", "/api/v1/reconnect", act, &api::reconnect},
    {"POST", "/api/v1/kill", act, &api::kill},
    {"POST", "/api/v1/disable", act, &api::disable},
    {"POST", "/api/v1/enable", act, &api::enable},
    {"POST", "/api/v1/drain", act, &api::drain},
    {"POST", "/api/v1/log_level", act, &api::log_level},
    {"POST", "/api/v1/console", read_only, &api::console},  // each command checks its own right
}};

}  // namespace

std::span<const Endpoint> endpoints() {
  return kEndpoints;
}

}  // namespace sluice::proxy::admin
