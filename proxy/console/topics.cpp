#include "proxy/console/topics.hpp"

#include <algorithm>

namespace sluice::proxy::console {

const std::vector<Topic>& topics() {
  static const std::vector<Topic> kTopics{
      {"POOLS", &show_pools, "pools: clients, connections, the longest wait"},
      {"CLIENTS", &show_clients, "sessions of clients"},
      {"SERVERS", &show_servers, "connections to backends"},
      {"DATABASES", &show_databases, "pools as they are configured"},
      {"USERS", &show_users, "users and their connections"},
      {"STATS", &show_stats, "counts since the start, and averages, for each pool"},
      {"STATS_TOTALS", &show_stats_totals, "the counts alone"},
      {"STATS_AVERAGES", &show_stats_averages, "the averages alone"},
      {"TOTALS", &show_totals, "counts and averages over all pools"},
      {"LISTS", &show_lists, "how many of everything there are"},
      {"CONFIG", &show_config, "the configuration in force, without secrets"},
      {"VERSION", &show_version, "the version"},
      {"STATE", &show_state, "active, paused, draining"},
      {"MEM", &show_mem, "what is in memory, and the memory of the process"},
      {"ACTIVE_SOCKETS", &show_active_sockets, "sockets of sessions at work and their backends"},
      {"SOCKETS", &show_sockets, "sockets of all sessions and backends"},
      {"FDS", &show_fds, "always empty: descriptors are not handed over by the console"},
      {"DNS_HOSTS", &show_dns_hosts, "always empty: names are not cached"},
      {"DNS_ZONES", &show_dns_zones, "always empty: zones are not watched"},
      {"PEERS", &show_peers, "always empty: cancel requests need no peers"},
      {"PEER_POOLS", &show_peer_pools, "always empty, likewise"},
      {"SESSIONS", &show_sessions, "sessions: route, state, why pinned, wait"},
      {"PINS", &show_pins, "why sessions keep their backends, by pool"},
      {"ROUTES", &show_routes, "routes: what they match, where they lead"},
      {"MIDDLEWARE", &show_middleware, "the chain of each route, in its order"},
      {"SCHEDULES", &show_schedules, "schedules: what they do, last and next time"},
      {"FINGERPRINTS", &show_fingerprints, "kinds of statement: count, time, rows, errors"},
      {"BACKENDS", &show_backends, "connections to backends: who holds them"},
      {"EVENTS", &show_events, "what has happened lately"},
      {"LOG_LEVEL", &show_log_level, "the level of the log"},
      {"HELP", &show_help, "these lines"},
  };
  return kTopics;
}

const Topic* find_topic(std::string_view name) {
  const auto& all = topics();
  const auto found =
      std::find_if(all.begin(), all.end(), [name](const Topic& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace sluice::proxy::console
