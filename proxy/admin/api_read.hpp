#pragma once

// The endpoints that show: {"data": ...}, and nothing changes.

#include "proxy/admin/endpoints.hpp"

namespace sluice::proxy::admin::api {

Answer status(const Call& call);
Answer pools(const Call& call);
Answer sessions(const Call& call);
Answer backends(const Call& call);
Answer routes(const Call& call);
Answer schedules(const Call& call);
Answer totals(const Call& call);
Answer fingerprints(const Call& call);
Answer events(const Call& call);  // ?after=N: those with a higher number
Answer config(const Call& call);
Answer me(const Call& call);       // who asks, and what the password allows
Answer openapi(const Call& call);  // docs/openapi.json

}  // namespace sluice::proxy::admin::api
