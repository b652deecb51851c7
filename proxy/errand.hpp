#pragma once

// Something that takes time, begun for an asker and finished without one if it has gone by then:
// what comes of it goes to the pool. So an asker can be told at once that it need not wait.

#include <memory>
#include <optional>

#include "proxy/backend.hpp"
#include "proxy/connect.hpp"

namespace sluice::proxy {

class Worker;

struct Errand {
  Errand(Worker& where, BackendPoolPtr of);

  Worker& worker;
  const BackendPoolPtr pool;
  Signal over;                         // for the asker
  bool finished = false;               // the asker may look at what follows
  bool abandoned = false;              // nobody asks any more
  void (*unasked)(Errand&) = nullptr;  // brings what has come of it to the pool
  // Lent, and alive. Null: `failure` says why; the slot is the asker's (opening), or `backend`
  // is dead and still lent (proving).
  BackendPtr backend;
  std::optional<protocol::Failure> failure;
};

using ErrandPtr = std::shared_ptr<Errand>;

// On the worker's thread. The slot of `open` is the errand's: waits for the end of what is evicted,
// opens, and lends the new member. An asker that is told of a failure has the slot then.
ErrandPtr begin_opening(Worker& worker, BackendPoolPtr pool, LoginOrder order, pool::Open open);
// Pings a lent backend that lives on this worker. It failed: `failure` is set beside `backend`.
ErrandPtr begin_proving(Worker& worker, BackendPtr backend);
// The asker goes away. What the errand has got, or will get, goes to the pool.
void abandon(const ErrandPtr& errand);

// What of a failed opening the pool is told.
pool::OpenFailure to_open_failure(const protocol::Failure& failure);

}  // namespace sluice::proxy
