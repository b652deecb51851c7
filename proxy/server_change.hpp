#pragma once

// Between Server::prepare() and Server::apply().

#include <memory>
#include <vector>

#include "proxy/server.hpp"

namespace sluice::proxy {

struct Server::Change {
  std::shared_ptr<const config::Config> config;
  PolicyPtr policy;
  BackendPools::Settings pools;
  std::shared_ptr<Credentials> credentials;
  std::vector<Listening> listening;
};

// Of the first route of MySQL clients; null: there is none.
const config::Pool* greeting_pool(const config::Config& config);

}  // namespace sluice::proxy
