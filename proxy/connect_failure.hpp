#pragma once

// What follows from a failure to connect or to log in. Pure.

#include "protocol/failure.hpp"

namespace sluice::proxy {

// It will not go away by itself: a wrong password, an unknown database, TLS that cannot be agreed
// on, an init_sql that fails. Everything else (no answer, a server that starts or stops, one with
// too many connections) may be gone at the next attempt.
bool is_permanent(const protocol::Failure& failure);

// Another address of the pool may do better: this one does not answer, or its server is not ready.
bool tries_next_address(const protocol::Failure& failure);

}  // namespace sluice::proxy
