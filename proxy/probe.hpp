#pragma once

// One connection to each pool of a configuration, logged in and closed again: whether what the file
// says about servers is true. Serves nobody.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "metrics/registry.hpp"
#include "protocol/result.hpp"
#include "proxy/loop.hpp"

namespace sluice::proxy {

// What came of it for one pool.
struct Probe {
  std::string pool;
  std::string skipped;  // why there was nothing to try; "" = it was tried
  std::optional<protocol::Failure> failure;
  std::string address;  // that was connected to
  std::string server_version;
  bool tls = false;
  Duration took{};  // connect, TLS, login and init_sql
};

// In the order of the file; all are tried at once, each bounded by its connect_timeout. Pools whose
// url has no user, or that have no password, are skipped: whom they would log in is not known yet.
// Fails when nothing can be tried, as for TLS files that cannot be read.
protocol::Result<std::vector<Probe>> probe_pools(const config::Config& config,
                                                 metrics::Registry& registry, Poller poller);

}  // namespace sluice::proxy
