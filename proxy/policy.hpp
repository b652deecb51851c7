#pragma once

// What a configuration means for sessions, made once and never changed: its routes, each with what
// its sessions start with, and the middleware of the global chain and of each route. A session
// keeps the one that it logged in with. The end of one may wait for files.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "metrics/registry.hpp"
#include "protocol/conversation.hpp"
#include "protocol/result.hpp"
#include "proxy/loop.hpp"
#include "proxy/middleware/chain.hpp"
#include "proxy/router.hpp"

namespace sluice::proxy {

class Policy;
using PolicyPtr = std::shared_ptr<const Policy>;

class Policy {
 public:
  struct Route {
    Route(const config::Route& route, const config::Pool& its_pool)
        : config(route), pool(its_pool), match(route.match, its_pool) {}

    const config::Route& config;
    const config::Pool& pool;
    RouteMatch match;
    config::Limits limits;  // those of `limits:`, with what the route has of its own
    std::shared_ptr<const protocol::SessionDefaults> defaults;
    middleware::Entries chain;
    std::vector<std::shared_ptr<metrics::RouteInstruments>> instruments;  // by worker
    // Somebody has been told that its sessions read what others have not committed.
    mutable std::atomic<bool> told_of_uncommitted{false};
  };

  using Maker = std::function<middleware::Made(const config::MiddlewareOptions&)>;
  // Fails with the place and the reason when a middleware cannot be made (a key file that is
  // unreadable, for one). `registry` outlives it. Entries of a chain that `previous` has with the
  // same options are its own, with all that they have counted; those that read a file are made
  // anew.
  static protocol::Result<std::shared_ptr<Policy>> make(
      std::shared_ptr<const config::Config> config, metrics::Registry& registry,
      std::uint32_t workers, const Maker& maker, const Policy* previous = nullptr);
  explicit Policy(std::shared_ptr<const config::Config> config);
  ~Policy();
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;

  const config::Config& config() const { return *config_; }
  const middleware::Entries& chain() const { return chain_; }  // the global one
  const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }
  // The first route that matches; null when none does.
  const Route* find(const Candidate& candidate) const;
  // Some session may have middleware.
  bool has_middleware() const { return background_ != nullptr; }
  // For what middleware leaves to be done later. Only with has_middleware().
  middleware::Background& background() const { return *background_; }
  // Names of startup parameters and connection attributes that are for sluice alone.
  const std::vector<std::string>& attribute_names() const { return attribute_names_; }
  // How often sessions are to be looked at for limits; zero: there are none.
  Duration sweep_interval() const { return sweep_interval_; }
  // Files of middleware that were moved away are opened anew.
  void reopen() const;

 private:
  struct Builder {
    metrics::Registry& registry;
    std::uint32_t workers;
    const Maker& maker;
    const Policy* previous;
  };
  protocol::Status add_route(const Builder& builder, const config::Route& config);
  protocol::Status add_chain(const Builder& builder, const std::vector<config::Middleware>& entries,
                             const std::string& route, middleware::Entries& chain);
  static protocol::Result<middleware::Entry> make_entry(const Builder& builder,
                                                        const config::Middleware& entry,
                                                        const std::string& route);
  // The entry of the same route with the same options that `chain` has not taken yet.
  const middleware::Entry* find_same(const config::Middleware& entry, const std::string& route,
                                     const middleware::Entries& chain) const;

  std::shared_ptr<const config::Config> config_;
  middleware::Entries chain_;
  std::vector<std::unique_ptr<Route>> routes_;
  std::vector<std::string> attribute_names_;
  Duration sweep_interval_{0};
  std::unique_ptr<middleware::Background> background_;  // ends first: it works for the middleware
};

// What a session of this route and pool starts with; of a backend's login, `route` is empty.
protocol::Result<protocol::SessionDefaults> session_defaults(const config::Config& config,
                                                             const config::Route& route,
                                                             const config::Pool& pool);

}  // namespace sluice::proxy
