#pragma once

// What an operator can ask of the running process, and have done. One interface for the console,
// the HTTP API and signals; who asks is checked before (op::Right). Every call is thread-safe, must
// not be made on a worker's thread (it asks the workers and waits for them, a second at most), and
// returns soon: what takes time is started, and asked for by pause_done() and the like.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/schedule/in_force.hpp"
#include "protocol/result.hpp"
#include "proxy/operator/views.hpp"

namespace sluice::proxy::op {

using Right = config::AdminRight;

// Who acts, for the log and the events.
struct Actor {
  std::string user;   // "" = a signal, or sluice itself
  std::string where;  // console | http | socket | signal | file | schedule
};

enum class ShutdownMode : std::uint8_t {
  drain,             // as SIGTERM: the sessions end with their transactions, drain.timeout at most
  wait_for_clients,  // accept nothing new; end when the last client has left by itself
  immediate,
};

// What has become of a reload.
struct Reloaded {
  std::vector<std::string> changed;        // keys, as paths: pools.pets.pool_size
  std::vector<std::string> needs_restart;  // of these, what only a restart brings
  std::vector<std::string> warnings;
};

class Operator {
 public:
  virtual ~Operator() = default;

  virtual StatusView status() = 0;
  virtual std::vector<PoolView> pools() = 0;
  virtual std::vector<SessionView> sessions() = 0;
  virtual std::vector<BackendView> backends() = 0;
  virtual std::vector<RouteView> routes() = 0;
  virtual std::vector<ScheduleView> schedules() = 0;
  virtual std::vector<PoolTotals> totals() = 0;
  virtual std::vector<FingerprintView> fingerprints() = 0;
  // Those with a number above `after`, oldest first.
  virtual std::vector<EventView> events(std::uint64_t after) = 0;
  // The configuration in force, secrets masked, as YAML.
  virtual std::string effective_config() = 0;
  virtual std::shared_ptr<const config::Config> config() = 0;

  // `pool` is the name of one; "" = all of them. Unknown names fail and change nothing.
  // pause: sessions keep what they hold until it is free (transaction end; session mode: until they
  // leave), then wait; their pool_timeout does not run meanwhile. Idle connections are closed.
  virtual protocol::Status pause(const std::string& pool, const Actor& by) = 0;
  virtual protocol::Result<bool> pause_done(const std::string& pool) = 0;
  virtual protocol::Status resume(const std::string& pool, const Actor& by) = 0;
  // Every connection that is open now is closed when it is free, and not lent again.
  virtual protocol::Status reconnect(const std::string& pool, const Actor& by) = 0;
  virtual protocol::Result<bool> reconnect_done(const std::string& pool) = 0;
  // Clients are asked to connect again: each is ended at its next transaction end (57P01, 1053).
  virtual protocol::Status reconnect_clients(const std::string& pool, const Actor& by) = 0;
  // Ends every session of the pool, and those that a rule has brought to it, and closes its
  // connections now, and pauses it until resume.
  virtual protocol::Status kill(const std::string& pool, const Actor& by) = 0;
  virtual protocol::Status kill_session(std::uint32_t id, const Actor& by) = 0;
  // New sessions for the pool are refused; those that there are go on.
  virtual protocol::Status disable(const std::string& pool, const Actor& by) = 0;
  virtual protocol::Status enable(const std::string& pool, const Actor& by) = 0;

  // Until the next resize, or the next reload: the file is the only truth. Fails when a pool could
  // not have these sizes.
  virtual protocol::Status resize(const std::string& pool, const config::schedule::Sizes& sizes,
                                  const Actor& by) = 0;

  // The failure's text holds every problem of the file, a line each.
  virtual protocol::Result<Reloaded> reload(const Actor& by) = 0;
  virtual protocol::Status shutdown(ShutdownMode mode, const Actor& by) = 0;
  virtual protocol::Status set_log_level(std::string_view level, const Actor& by) = 0;

  // For the console and the HTTP API: what a user may do when the password is right; empty when
  // user or password are wrong. Takes as long for a user who does not exist. May take a tenth of a
  // second.
  virtual std::optional<Right> authenticate(const std::string& user,
                                            const std::string& password) = 0;
  virtual Right right_of(const std::string& user) = 0;
};

}  // namespace sluice::proxy::op
