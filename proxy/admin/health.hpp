#pragma once

// What /livez, /readyz and /startupz answer. Thread-safe: the program sets, the admin thread asks.

#include <atomic>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/config.hpp"

namespace sluice::proxy::admin {

// `reason` is one line for people: why not, or "ok".
struct Health {
  bool ok = true;
  std::string reason = "ok";
};

struct BackendHealth {
  std::string pool;
  std::optional<bool> up;  // empty: nobody has tried yet; counts as up
};

// `any` without pools is ready: there is nothing that could be down.
Health backends_ready(config::Readiness rule, std::span<const BackendHealth> backends);

class HealthState {
 public:
  // Both may be empty and are called on the admin thread. `live` says whether the workers still
  // turn; a process that cannot tell is alive.
  struct Sources {
    std::function<Health()> live;
    std::function<std::vector<BackendHealth>()> backends;
    config::Readiness readiness = config::Readiness::any;
  };
  explicit HealthState(Sources sources)
      : sources_(std::move(sources)), readiness_(sources_.readiness) {}

  void set_started() { started_.store(true); }    // the listeners accept
  void set_draining() { draining_.store(true); }  // not ready any more, for good
  void set_readiness(config::Readiness rule) { readiness_.store(rule); }

  Health live() const;
  Health started() const;
  Health ready() const;

 private:
  Sources sources_;
  std::atomic<config::Readiness> readiness_;
  std::atomic<bool> started_{false};
  std::atomic<bool> draining_{false};
};

}  // namespace sluice::proxy::admin
