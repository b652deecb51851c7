#pragma once

// Opens connections to databases: resolve, connect, TLS, log in.

#include <functional>
#include <memory>
#include <string>

#include "protocol/conversation.hpp"
#include "proxy/backend.hpp"
#include "proxy/backend_pool.hpp"
#include "proxy/stream.hpp"

namespace sluice::proxy {

class Worker;

// A connected socket to the pool's address, trying every address of its name in turn.
Task<protocol::Result<std::unique_ptr<Stream>>> connect_stream(Worker& worker, BackendPoolPtr pool,
                                                               TimePoint deadline);

// A logged-in backend, bounded by the pool's connect_timeout. It is not in the pool yet and its
// reader has not been started. `session` tells what must be fixed at login; it may be null.
Task<protocol::Result<BackendPtr>> open_backend(Worker& worker, BackendPoolPtr pool,
                                                const protocol::Conversation* session);

// The version in the server's greeting (MySQL); no login.
Task<protocol::Result<std::string>> ask_version(Worker& worker, BackendPoolPtr pool);

// Asks the server to stop what `backend` runs now, on a connection of its own, and returns when the
// server has taken note. `still_wanted` is asked right before the request leaves.
Task<protocol::Status> send_cancel(Worker& worker, BackendPtr backend, bool query_only,
                                   std::function<bool()> still_wanted);

}  // namespace sluice::proxy
