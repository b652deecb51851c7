#pragma once

// What is different between two configurations, as paths of options. Pure; no value is in the
// result, so no secret is.

#include <string>
#include <vector>

#include "config/config.hpp"

namespace sluice::config {

struct Change {
  enum class Kind : std::uint8_t { changed, added, removed };
  // "pools.pets.pool_size"; elements of lists that have a name go by it: "routes.reports.pool". One
  // that was added or removed is one change: "pools.pets". "routes" by itself: their order.
  std::string path;
  Kind kind = Kind::changed;

  friend bool operator==(const Change& a, const Change& b) = default;
};

// In the order of the paths. A secret is told by its option without _file, wherever it came from.
std::vector<Change> diff(const Config& before, const Config& after);

// Of the same pool: "pool_size", "tls.mode".
std::vector<std::string> diff(const Pool& before, const Pool& after);

// "pools.pets.pool_size", "pools.pets (added)".
std::string to_string(const Change& change);

// The keys, as paths, whose new values only a restart brings; `wanted` gets those in force.
std::vector<std::string> keep_until_restart(const Config& in_force, Config& wanted);

// The same middleware with the same options.
bool same_options(const Middleware& a, const Middleware& b);

}  // namespace sluice::config
