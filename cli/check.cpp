#include "cli/check.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>

#include "cli/check_tls.hpp"
#include "cli/commands.hpp"
#include "config/load.hpp"
#include "metrics/log.hpp"
#include "metrics/registry.hpp"
#include "proxy/middleware/catalogue.hpp"
#include "proxy/policy.hpp"
#include "proxy/poller.hpp"
#include "proxy/probe.hpp"

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

// Whether the files of TLS are what they should be; with `strict`, for a while yet.
bool tls_files_serve(const CheckOptions& options, const config::Config& config) {
  bool good = true;
  for (const TlsProblem& problem : check_tls(config, std::chrono::system_clock::now())) {
    std::cerr << options.path << ": " << (problem.warning ? "warning: " : "") << problem.text
              << '\n';
    good = good && problem.warning && !options.strict;
  }
  return good;
}

// One line for a pool; false when its server refused or could not be reached.
bool tell(const proxy::Probe& probe) {
  if (!probe.skipped.empty()) {
    std::cout << "pool " << probe.pool << ": not tried: " << probe.skipped << '\n';
    return true;
  }
  if (probe.failure) {
    std::cerr << "pool " << probe.pool << ": " << probe.failure->text
              << (probe.failure->detail.empty() ? "" : " (" + probe.failure->detail + ")") << '\n';
    return false;
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(probe.took);
  std::cout << "pool " << probe.pool << ": logged in to " << probe.address << ", version "
            << probe.server_version << ", " << (probe.tls ? "with" : "without") << " TLS, in "
            << took.count() << " ms\n";
  return true;
}

bool can_connect(const config::Config& config, proxy::Poller poller) {
  metrics::log::Options quiet;
  quiet.level = metrics::log::Level::error;
  metrics::log::start(std::move(quiet));
  metrics::Registry registry(SLUICE_VERSION);
  auto probes = proxy::probe_pools(config, registry, poller);
  metrics::log::stop();
  if (!probes) {
    std::cerr << "sluice check: " << probes.failure().text << '\n';
    return false;
  }
  return std::count_if(probes->begin(), probes->end(),
                       [](const proxy::Probe& one) { return !tell(one); }) == 0;
}

}  // namespace

void add_check(Commands& commands) {
  auto options = std::make_shared<CheckOptions>();
  auto* command = commands.app().add_subcommand(
      "check",
      "report every error of a configuration file with its place; exit status 0: none, 1: some");
  command->add_option("-c,--config", options->path, "configuration file (YAML)")
      ->type_name("FILE")
      ->required();
  auto* offline = command->add_flag("--offline", options->offline,
                                    "open none of the files and hosts that it names");
  command
      ->add_flag("--connect", options->connect,
                 "log in to each pool whose url has a user, and tell the server's version, whether "
                 "the connection has TLS and how long it took, or the server's error")
      ->excludes(offline);
  command->add_flag("--strict", options->strict, "warnings are errors");
  command->footer(examples({"sluice check -c sluice.yaml --connect",
                            "sluice check -c sluice.yaml --offline --strict   # in CI"}));
  commands.on(command, [options] { return run_check(*options); });
}

std::shared_ptr<const config::Config> load(const std::string& path, bool offline, bool strict) {
  config::LoadOptions options;
  options.offline = offline;
  config::Loaded loaded = config::load_file(path, options);
  for (const config::Problem& problem : loaded.problems) {
    std::cerr << config::to_string(problem) << '\n';
  }
  if (strict && loaded.config != nullptr && !loaded.problems.empty()) {
    std::cerr << path << ": " << loaded.problems.size()
              << (loaded.problems.size() == 1 ? " warning" : " warnings")
              << ", which --strict makes errors\n";
    return nullptr;
  }
  return loaded.config;
}

int run_check(const CheckOptions& options) {
  auto config = load(options.path, options.offline, options.strict);
  if (!config) {
    return kFailed;
  }
  if (!options.offline) {
    auto poller = proxy::choose_poller(config->io);
    if (!poller) {
      std::cerr << options.path << ": " << poller.failure().text << '\n';
      return kFailed;
    }
    std::cout << "sockets by " << proxy::poller_name(poller->poller) << " (" << poller->why
              << ")\n";
    if (!tls_files_serve(options, *config) || !makes_middleware(options.path, config) ||
        (options.connect && !can_connect(*config, poller->poller))) {
      return kFailed;
    }
  }
  std::cout << options.path << ": OK\n";
  return kDone;
}

}  // namespace sluice::cli
