#pragma once

// What statement_statistics has counted, of all workers together.

#include <vector>

#include "proxy/operator/views.hpp"

namespace sluice::proxy {
class Server;
}

namespace sluice::proxy::op {

// The one that took the longest time in all comes first; the row of all others has the id "others".
// Not on a worker's thread: each is asked for a copy of its table, and one that has not answered
// after a second is left out. Empty unless the server runs.
std::vector<FingerprintView> fingerprints(Server& server);

}  // namespace sluice::proxy::op
