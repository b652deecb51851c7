#include "cli/check.hpp"

#include <iostream>

#include "config/load.hpp"
#include "metrics/registry.hpp"
#include "proxy/middleware/catalogue.hpp"
#include "proxy/policy.hpp"
#include "proxy/poller.hpp"

namespace sluice::cli {
namespace {

// Whether the middleware can be made, as `run` will find it.
bool makes_middleware(const std::string& path,
                      const std::shared_ptr<const config::Config>& config) {
  metrics::Registry registry(SLUICE_VERSION);
  auto policy = proxy::Policy::make(config, registry, 1, &proxy::middleware::make);
  if (!policy) {
    std::cerr << path << ": " << policy.failure().text << '\n';
  }
  return policy.ok();
}

}  // namespace

std::shared_ptr<const config::Config> load(const std::string& path, bool offline) {
  config::LoadOptions options;
  options.offline = offline;
  config::Loaded loaded = config::load_file(path, options);
  for (const config::Problem& problem : loaded.problems) {
    std::cerr << config::to_string(problem) << '\n';
  }
  return loaded.config;
}

int run_check(const std::string& path, bool offline) {
  auto config = load(path, offline);
  if (!config) {
    return 1;
  }
  if (!offline) {
    auto poller = proxy::choose_poller(config->io);
    if (!poller) {
      std::cerr << path << ": " << poller.failure().text << '\n';
      return 1;
    }
    std::cout << "sockets by " << proxy::poller_name(poller->poller) << " (" << poller->why
              << ")\n";
    if (!makes_middleware(path, config)) {
      return 1;
    }
  }
  std::cout << path << ": OK\n";
  return 0;
}

}  // namespace sluice::cli
