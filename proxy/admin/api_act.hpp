#pragma once

// The endpoints that change something. `pool` names one; left out it means all, but for kill, which
// must be told what. A pool or session that is not there is a 404, what cannot be done now a 409.

#include "proxy/admin/endpoints.hpp"

namespace sluice::proxy::admin::api {

Answer reload(const Call& call);
Answer pause(const Call& call);  // {"done": false}: sessions still hold what they had
Answer resume(const Call& call);
Answer reconnect(const Call& call);  // "clients": true: the clients, not the backends
Answer kill(const Call& call);       // "pool" or "session"
Answer disable(const Call& call);
Answer enable(const Call& call);
Answer drain(const Call& call);      // "mode": drain | wait_for_clients | immediate
Answer log_level(const Call& call);  // "level"
Answer console(const Call& call);    // "command": what psql and mysql may ask, SHOW too

}  // namespace sluice::proxy::admin::api
