#include "cli/run.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "cli/check.hpp"
#include "metrics/log.hpp"
#include "metrics/registry.hpp"
#include "proxy/admin/http.hpp"
#include "proxy/operator/house.hpp"
#include "proxy/admin/pages.hpp"
#include "proxy/poller.hpp"
#include "proxy/server.hpp"

namespace sluice::cli {
namespace {

void start_log(const config::Log& settings) {
  metrics::log::Options options;
  options.level = metrics::log::parse_level(settings.level).value_or(metrics::log::Level::info);
  options.format = settings.format == config::LogFormat::json ? metrics::log::Format::json
                                                              : metrics::log::Format::text;
  metrics::log::start(std::move(options));
}

// The next signal that asks for an end, 0 when `until` comes first. At SIGUSR1 files that were
// moved away are opened anew, and the wait goes on.
int next_signal(const sigset_t& signals, proxy::Server& server,
                proxy::TimePoint until = proxy::TimePoint::max()) {
  for (;;) {
    int signal = 0;
    if (until == proxy::TimePoint::max()) {
      signal = ::sigwaitinfo(&signals, nullptr);
    } else {
      const auto left = std::max(until - proxy::Clock::now(), proxy::Duration::zero());
      const auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
      const timespec timeout{whole.count(), std::chrono::nanoseconds(left - whole).count()};
      signal = ::sigtimedwait(&signals, nullptr, &timeout);
    }
    if (signal == SIGUSR1) {
      metrics::log::info("files_reopened");
      server.reopen_files();
    } else if (signal > 0) {
      return signal;
    } else if (errno != EINTR) {
      return 0;
    }
  }
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
                             std::unique_ptr<proxy::admin::HttpServer>& admin) {
  if (!config.admin.http && config.admin.socket.empty()) {
    return protocol::Done{};
  }
  proxy::admin::HttpOptions options;
  options.bind = config.admin.http;
  options.socket = config.admin.socket;
  options.tls = config.admin.tls;
  proxy::admin::Site site;
  site.pages = proxy::admin::standard_pages(registry, health);
  admin = std::make_unique<proxy::admin::HttpServer>(options, std::move(site));
  return admin->start();
}

using proxy::op::ShutdownMode;

// Accepts nobody new and waits until the last client has left by itself, or for a signal.
void wait_for_clients(proxy::Server& server, const sigset_t& signals) {
  metrics::log::info("waiting_for_clients", {{"clients", server.clients()}});
  server.stop_accepting();
  int signal = 0;
  while (signal == 0 && !server.empty()) {
    signal = next_signal(signals, server, proxy::Clock::now() + std::chrono::milliseconds(50));
  }
}

// Finishes what runs: readiness off, still accepting for drain.delay, then each session ends at its
// next transaction end, at the latest at drain.timeout or at a second signal.
void stop(proxy::Server& server, const sigset_t& signals) {
  const config::Drain drain = server.config()->drain;
  metrics::log::info("draining", {{"timeout_ms", drain.timeout.count()}});
  int again =
      drain.delay.count() > 0 ? next_signal(signals, server, proxy::Clock::now() + drain.delay) : 0;
  server.drain();
  auto deadline = proxy::Clock::now() + drain.timeout;
  while (again == 0 && !server.empty() && proxy::Clock::now() < deadline) {
    again = next_signal(signals, server, proxy::Clock::now() + std::chrono::milliseconds(10));
  }
  if (!server.empty()) {
    metrics::log::warning("drain_cut_short",
                          {{"reason", again != 0 ? "second signal" : "timeout"}});
  }
  server.stop_now();
  server.join();
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
  // Before any thread starts, so that all of them have these blocked.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
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
    proxy::op::House house(server, registry,
                           {SLUICE_VERSION, path, proxy::poller_name(poller->poller)});
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
    protocol::Status status = start_admin(*config, registry, health, admin);
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
      const int signal = next_signal(signals, server);
      metrics::log::info("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
      registry.set_draining(true);
      health.set_draining();
      if (how == ShutdownMode::wait_for_clients) {
        wait_for_clients(server, signals);
      }
      if (how == ShutdownMode::immediate) {
        server.drain();
        server.stop_now();
        server.join();
      } else {
        stop(server, signals);
      }
    }
  }
  metrics::log::info("stopped");
  metrics::log::stop();
  return code;
}

}  // namespace sluice::cli
