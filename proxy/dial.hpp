#pragma once

// From the addresses of a pool to one connected socket. Names are looked up at every attempt, off
// the workers; addresses are raced, so that a dead one costs kHeadStart and not a timeout.

#include <memory>
#include <vector>

#include "proxy/address_book.hpp"
#include "proxy/backend_pool.hpp"
#include "proxy/stream.hpp"
#include "proxy/task.hpp"

namespace sluice::proxy {

class Worker;

// How long an address may leave us without an answer before the next one is tried beside it
// (RFC 8305, Connection Attempt Delay).
constexpr auto kHeadStart = std::chrono::milliseconds(250);

struct Dialed {
  std::unique_ptr<Stream> stream;
  Endpoint at;
};

// All addresses of all hosts of the pool, the best to try in front. A name that cannot be looked up
// in time is left out, or has the addresses that it had last. Fails with backend_unreachable.
Task<protocol::Result<std::vector<Endpoint>>> find_endpoints(Worker& worker, BackendPoolPtr pool,
                                                             TimePoint deadline);

// A connected socket to the first of them that answers. It and what is in front of it are taken out
// of `endpoints`; the rest may be dialed next. The pool's book is told who failed. Fails with
// backend_unreachable, which names each address and its error.
Task<protocol::Result<Dialed>> dial(Worker& worker, BackendPoolPtr pool,
                                    std::vector<Endpoint>& endpoints, TimePoint deadline);

protocol::Failure unreachable(const BackendPool& pool, const std::string& why);

}  // namespace sluice::proxy
