#include "proxy/probe.hpp"

#include <latch>
#include <utility>

#include "proxy/checkout.hpp"
#include "proxy/connect.hpp"
#include "proxy/server.hpp"

namespace sluice::proxy {
namespace {

// The pools alone: no listener, no chain, and nothing that is opened by itself.
std::shared_ptr<const config::Config> pools_of(const config::Config& config) {
  auto out = std::make_shared<config::Config>();
  out->workers = 1;
  out->pools = config.pools;
  for (config::Pool& pool : out->pools) {
    pool.min_idle = 0;
  }
  return out;
}

std::string why_skipped(const config::Pool& pool) {
  if (pool.user.empty()) {
    return "its url has no user: every client logs in with its own";
  }
  return pool.password ? "" : "it has no password: a client's own is used";
}

struct Counted {
  std::latch& latch;
  ~Counted() { latch.count_down(); }
};

// `probe` and `done` outlive it.
Task<void> try_pool(Worker& worker, BackendPoolPtr pool, Probe& probe, std::latch& done) {
  const Counted counted{done};
  const TimePoint started = Clock::now();
  auto opened = co_await open_backend(worker, pool, make_order(worker.server, *pool, nullptr));
  probe.took = Clock::now() - started;
  if (opened) {
    const protocol::BackendLogin& login = (*opened)->link().login();
    probe.address = to_string((*opened)->endpoint().address);
    probe.server_version = login.server_version;
    probe.tls = login.tls;
    co_await end_of(worker, std::move(*opened), pool::CloseReason::drain);
  } else {
    probe.failure = std::move(opened.failure());
  }
}

}  // namespace

protocol::Result<std::vector<Probe>> probe_pools(const config::Config& config,
                                                 metrics::Registry& registry, Poller poller) {
  const auto reduced = pools_of(config);
  Server server(reduced, registry, poller);
  if (auto started = server.start(); !started) {
    return std::move(started.failure());
  }
  std::vector<Probe> probes(reduced->pools.size());
  std::latch done(static_cast<std::ptrdiff_t>(probes.size()));
  Worker& worker = server.worker(0);
  for (std::size_t i = 0; i < probes.size(); ++i) {
    const config::Pool& pool = reduced->pools[i];
    probes[i].pool = pool.name;
    probes[i].skipped = why_skipped(pool);
    if (!probes[i].skipped.empty()) {
      done.count_down();
      continue;
    }
    // PostgreSQL's database is the user's unless it is named.
    const bool own = pool.database.empty() && pool.protocol == config::Protocol::postgresql;
    BackendPoolPtr made = server.pools().get(pool, pool.user, own ? pool.user : pool.database);
    worker.loop.call([&worker, &server, &done, made, &probe = probes[i]] {
      spawn(server.gate(), try_pool(worker, made, probe, done));
    });
  }
  done.wait();
  server.stop_now();
  server.join();
  return probes;
}

}  // namespace sluice::proxy
