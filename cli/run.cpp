#include "cli/run.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "cli/admin.hpp"
#include "cli/check.hpp"
#include "cli/ending.hpp"
#include "cli/signals.hpp"
#include "cli/successor.hpp"
#include "cli/upgrade.hpp"
#include "metrics/log.hpp"
#include "metrics/registry.hpp"
#include "proxy/admin/health.hpp"
#include "proxy/operator/fingerprints.hpp"
#include "proxy/operator/house.hpp"
#include "proxy/operator/schedules.hpp"
#include "proxy/poller.hpp"
#include "proxy/reload.hpp"
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

// What a reload has to do beside the server: the certificate of the admin port, where there is one,
// and who is asked when it is ready.
proxy::Reloader::Prepared prepare_admin(proxy::admin::HttpServer* port,
                                        proxy::admin::HealthState& health,
                                        const config::Admin& admin) {
  proxy::TlsContextPtr tls;
  if (port != nullptr) {
    auto files = port->read_tls(admin.tls);
    if (!files) {
      return std::move(files.failure());
    }
    tls = std::move(*files);
  }
  return std::function<void()>([port, tls, &health, readiness = admin.readiness] {
    health.set_readiness(readiness);
    if (port != nullptr) {
      port->use_tls(tls);
    }
  });
}

using PrepareChange = std::function<proxy::Reloader::Prepared(const config::Config&)>;

// Null: the configuration is in no file.
std::unique_ptr<proxy::Reloader> make_reloader(const std::string& path, proxy::Server& server,
                                               proxy::op::House& house, metrics::Registry& registry,
                                               PrepareChange prepare) {
  if (path.empty()) {
    house.on_reload([](const proxy::op::Actor& /*by*/) -> protocol::Result<proxy::op::Reloaded> {
      return protocol::fail(protocol::FailureKind::unsupported_feature,
                            "this process was started without a file to reload");
    });
    return nullptr;
  }
  auto reloader = std::make_unique<proxy::Reloader>(path, server, registry);
  reloader->on_change(std::move(prepare));
  house.on_reload([&one = *reloader](const proxy::op::Actor& by) { return one.reload(by); });
  return reloader;
}

using proxy::op::ShutdownMode;

struct End {
  int signal = 0;            // that has asked for it; 0: none
  bool handed_over = false;  // another process has taken this one's place
};

// While another process is about to take this one's place, an end waits for what becomes of that:
// the other must not end with us. SIGQUIT, or to ask twice, ends both.
End serve(Signals& signals, Upgrade& upgrade) {
  int asked = 0;
  for (;;) {
    const int signal = signals.next(upgrade.next_look());
    if (upgrade.look()) {
      return {signal != 0 ? signal : asked, true};
    }
    if (signal == SIGQUIT || (signal != 0 && asked != 0)) {
      return {signal, false};
    }
    asked = signal != 0 ? signal : asked;
    if (asked != 0 && !upgrade.under_way()) {
      return {asked, false};
    }
  }
}

void finish(proxy::Server& server, Signals& signals, const WantedEnd& wanted, End end) {
  int last = end.signal;
  if (end.signal == 0) {  // who is connected may stay for a while
    last = wait_for_clients(server, signals, proxy::Clock::now() + server.config()->drain.timeout);
  } else if (wanted.how() == ShutdownMode::wait_for_clients) {
    server.stop_accepting();
    last = wait_for_clients(server, signals);
  }
  if (last == SIGQUIT) {
    end_now(server);
  } else {
    drain(server, signals, end.handed_over || end.signal != SIGTERM);
  }
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
  return config == nullptr ? 1 : run_server(path, std::move(config));
}

int run_server(const std::string& path, std::shared_ptr<const config::Config> config) {
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
    registry.set_io(std::string(proxy::poller_name(poller->poller)));
    proxy::Server server(config, registry, poller->poller);
    server.inherit(proxy::InheritedSockets::take());
    proxy::op::House house(server, registry,
                           {SLUICE_VERSION, path, proxy::poller_name(poller->poller)});
    signals.on(SIGUSR1, [&server] {
      metrics::log::info("files_reopened");
      server.reopen_files();
    });
    WantedEnd wanted;
    house.on_shutdown([&wanted](ShutdownMode how, const proxy::op::Actor& /*by*/) {
      if (const int signal = wanted.ask(how); signal != 0) {
        ::kill(::getpid(), signal);  // blocked in every thread: Signals::next() takes it
      }
      return protocol::Done{};
    });
    proxy::admin::HealthState health(
        {{}, [&] { return backend_health(server); }, config->admin.readiness});
    proxy::op::Schedules schedules(server, house, house.one_change(), registry);
    house.schedules_from([&schedules] { return schedules.views(); });
    house.fingerprints_from([&server] { return proxy::op::fingerprints(server); });
    house.ready_by([&health] { return health.ready().ok; });
    std::atomic<proxy::admin::HttpServer*> port{nullptr};
    const auto reloader =
        make_reloader(path, server, house, registry, [&health, &port](const config::Config& next) {
          return prepare_admin(port, health, next.admin);
        });
    if (reloader != nullptr) {
      reloader->on_adapt([&schedules](config::Config& next) { return schedules.adapt(next); });
    }
    schedules.begin();
    const auto admin = start_admin(config->admin, registry, health, &house, server.inherited());
    port = admin ? admin.value().get() : nullptr;
    const protocol::Status status = admin ? server.start() : admin.failure();
    if (!status) {
      std::cerr << "sluice: " << status.failure().text << '\n';
      code = 1;
      server.join();
    } else {
      schedules.start();
      if (reloader != nullptr) {
        reloader->start([&house] {
          [[maybe_unused]] const auto reloaded = house.reload({"", "file"});
        });
      }
      health.set_started();
      metrics::log::info("started", {{"version", SLUICE_VERSION}, {"config", path}});
      signals.on(SIGHUP, [&house, &manager] {
        manager.reloading();  // what comes of it is in the log
        [[maybe_unused]] const auto reloaded = house.reload({"", "signal"});
        manager.ready("serving");
      });
      manager.ready("serving");
      tell_predecessor();
      Upgrade upgrade(server, port, manager, house.history());
      signals.on(SIGUSR2, [&upgrade] { upgrade.begin(); });
      const End end = serve(signals, upgrade);
      schedules.stop();
      wanted.begun(end.signal == 0 ? ShutdownMode::wait_for_clients : ShutdownMode::drain);
      if (!end.handed_over) {
        upgrade.give_up();
      }
      signals.on(SIGUSR2, [] { metrics::log::warning("upgrade_too_late"); });
      signals.on(SIGHUP, [] { metrics::log::warning("reload_too_late"); });
      if (reloader != nullptr) {
        reloader->stop();
      }
      metrics::log::info("stopping", {{"signal", signal_name(end.signal)}});
      if (!end.handed_over) {
        manager.stopping();
      }
      registry.set_draining(true);
      health.set_draining();
      finish(server, signals, wanted, end);
    }
  }
  metrics::log::info("stopped");
  metrics::log::stop();
  return code;
}

}  // namespace sluice::cli
