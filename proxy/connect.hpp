#pragma once

// Opens connections to databases: resolve, connect, TLS, log in, init_sql.

#include <functional>
#include <memory>
#include <string>

#include "protocol/conversation.hpp"
#include "proxy/backend.hpp"
#include "proxy/backend_pool.hpp"
#include "proxy/dial.hpp"

namespace sluice::proxy {

class Server;
class Worker;

// What to log in with for `session`, which tells what must be fixed at login; null: nothing.
LoginOrder make_order(Server& server, const BackendPool& pool,
                      const protocol::Conversation* session);

// A backend that is logged in and has run init_sql, bounded by the pool's connect_timeout; its
// reader runs. It is not in the pool yet. The pool's last error is kept up to date.
Task<protocol::Result<BackendPtr>> open_backend(Worker& worker, BackendPoolPtr pool,
                                                LoginOrder order);

// The version in the server's greeting (MySQL); no login.
Task<protocol::Result<std::string>> ask_version(Worker& worker, BackendPoolPtr pool);

// Asks the server to stop what `backend` runs now, on a connection of its own to the same address,
// and returns when the server has taken note. `still_wanted` is asked right before the request
// leaves.
Task<protocol::Status> send_cancel(Worker& worker, BackendPtr backend, bool query_only,
                                   std::function<bool()> still_wanted);

}  // namespace sluice::proxy
