#include "cli/run.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "cli/check.hpp"
#include "cli/ending.hpp"
#include "cli/signals.hpp"
#include "cli/successor.hpp"
#include "cli/upgrade.hpp"
#include "metrics/log.hpp"
#include "metrics/registry.hpp"
#include "proxy/admin/http.hpp"
#include "proxy/admin/pages.hpp"
#include "proxy/operator/house.hpp"
#include "proxy/poller.hpp"
#include "proxy/server.hpp"
#include "proxy/service_manager.hpp"

namespace sluice::cli {
namespace {

void start_log(const config::Log& settings) {
  metrics::log::Options options;
  options.level = metrics::log::parse_level(settings.level).value_or(metrics::log::Level::info);
  options.format = settings.format == config::LogFormat::json ? metrics::log::Format::json
                                                              : metrics::log::Format::text;
  metrics::log::start(std::move(options));
}

std::vector<proxy::admin::BackendHealth> backend_health(proxy::Server& server) {
  std::vector<proxy::admin::BackendHealth> health;
  for (auto& [pool, up] : server.pools().health()) {
    health.push_back({pool, up});
  }
  return health;
}

// Null when neither an admin address nor a socket is configured.
protocol::Status start_admin(const config::Config& config, const metrics::Registry& registry,
                             const proxy::admin::HealthState& health,
                             proxy::InheritedSockets& inherited,
                             std::unique_ptr<proxy::admin::HttpServer>& admin) {
  if (!config.admin.http && config.admin.socket.empty()) {
    return protocol::Done{};
  }
  proxy::admin::HttpOptions options;
  options.bind = config.admin.http;
  options.socket = config.admin.socket;
  options.tls = config.admin.tls;
  options.inherited = &inherited;
  proxy::admin::Site site;
  site.pages = proxy::admin::standard_pages(registry, health);
  admin = std::make_unique<proxy::admin::HttpServer>(options, std::move(site));
  return admin->start();
}

using proxy::op::ShutdownMode;

// Waits for a signal that asks for an end, 0 when another process has taken this one's place.
int serve(Signals& signals, Upgrade& upgrade) {
  for (;;) {
    const int signal = signals.next(upgrade.next_look());
    if (signal != 0 || upgrade.look()) {
      return signal;
    }
  }
}

void finish(proxy::Server& server, Signals& signals, ShutdownMode how, int signal) {
  if (how == ShutdownMode::immediate || signal == SIGQUIT) {
    end_now(server);
    return;
  }
  if (how == ShutdownMode::wait_for_clients) {
    server.stop_accepting();
    wait_for_clients(server, signals);
  } else if (signal == 0) {  // handed over: who is connected may stay for a while
    wait_for_clients(server, signals, proxy::Clock::now() + server.config()->drain.timeout);
  }
  drain(server, signals, signal != SIGTERM);
}

// Every client and backend is a descriptor: take as many as the system allows.
void raise_descriptor_limit(std::size_t clients) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < clients) {
      metrics::log::warning("descriptor_limit_low",
                            {{"limit", limit.rlim_max}, {"max_client_connections", clients}});
    }
  }
}

}  // namespace

int run_server(const std::string& path) {
  auto config = load(path, false);
  if (!config) {
    return 1;
  }
  Signals signals;
  const auto manager = proxy::ServiceManager::of_environment();
  ::prctl(PR_SET_DUMPABLE,
          0);  // passwords are in memory: no core files, no ptrace by the same user

  auto poller = proxy::choose_poller(config->io);
  if (!poller) {
    std::cerr << "sluice: " << poller.failure().text << '\n';
    return 1;
  }
  start_log(config->log);
  metrics::log::info("io", {{"chosen", proxy::poller_name(poller->poller)}, {"why", poller->why}});
  raise_descriptor_limit(config->limits.max_client_connections);
  int code = 0;
  {
    metrics::Registry registry(SLUICE_VERSION);
    proxy::Server server(config, registry, poller->poller);
    server.inherit(proxy::InheritedSockets::take());
    proxy::op::House house(server, registry,
                           {SLUICE_VERSION, path, proxy::poller_name(poller->poller)});
    signals.on(SIGUSR1, [&server] {
      metrics::log::info("files_reopened");
      server.reopen_files();
    });
    std::atomic<ShutdownMode> how{ShutdownMode::drain};
    house.on_shutdown([&how](ShutdownMode mode, const proxy::op::Actor& /*by*/) {
      how = mode;
      ::kill(::getpid(), SIGTERM);  // blocked in every thread: next_signal() takes it
      return protocol::Done{};
    });
    proxy::admin::HealthState health(
        {{}, [&] { return backend_health(server); }, config->admin.readiness});
    house.ready_by([&health] { return health.ready().ok; });
    std::unique_ptr<proxy::admin::HttpServer> admin;
    protocol::Status status = start_admin(*config, registry, health, server.inherited(), admin);
    if (status) {
      status = server.start();
    }
    if (!status) {
      std::cerr << "sluice: " << status.failure().text << '\n';
      code = 1;
      server.join();
    } else {
      health.set_started();
      metrics::log::info("started", {{"version", SLUICE_VERSION}, {"config", path}});
      manager.ready("serving");
      tell_predecessor();
      Upgrade upgrade(server, admin.get(), manager);
      signals.on(SIGUSR2, [&upgrade] { upgrade.begin(); });
      const int signal = serve(signals, upgrade);
      signals.on(SIGUSR2, [] { metrics::log::warning("upgrade_too_late"); });
      metrics::log::info("stopping", {{"signal", signal_name(signal)}});
      if (signal != 0) {
        manager.stopping();
      }
      registry.set_draining(true);
      health.set_draining();
      finish(server, signals, how, signal);
    }
  }
  metrics::log::info("stopped");
  metrics::log::stop();
  return code;
}

}  // namespace sluice::cli
