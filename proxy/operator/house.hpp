#pragma once

// The Operator of a running server. It lives beside the Server: made before Server::start(), gone
// after Server::join(). What reloads, ends the process or counts statements is not its own: it asks
// the hooks.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/registry.hpp"
#include "proxy/operator/doorman.hpp"
#include "proxy/operator/events.hpp"
#include "proxy/operator/operator.hpp"
#include "proxy/server.hpp"

namespace sluice::proxy::op {

// What the process knows of itself.
struct About {
  std::string version;
  std::string config_file;  // "": started without one
  std::string io;
};

class House final : public Operator {
 public:
  House(Server& server, const metrics::Registry& registry, About about);
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  // Each is set before anybody asks. What has no hook is refused, or empty.
  using Reloader = std::function<protocol::Result<Reloaded>(const Actor&)>;
  void on_reload(Reloader reloader) { reloader_ = std::move(reloader); }
  // Starts the end of the process and returns.
  using Stopper = std::function<protocol::Status(ShutdownMode, const Actor&)>;
  void on_shutdown(Stopper stopper) { stopper_ = std::move(stopper); }
  using ScheduleViews = std::function<std::vector<ScheduleView>()>;
  void schedules_from(ScheduleViews source) { schedules_ = std::move(source); }
  using Fingerprints = std::function<std::vector<FingerprintView>()>;
  void fingerprints_from(Fingerprints source) { fingerprints_ = std::move(source); }
  // Thread-safe. Without it: the server runs and does not drain.
  void ready_by(std::function<bool()> ready) { ready_ = std::move(ready); }

  Events& history() { return events_; }
  // Held while the configuration changes: who changes it otherwise than by reload() holds it too.
  std::mutex& one_change() { return reload_mutex_; }

  // house_views.cpp
  StatusView status() override;
  std::vector<PoolView> pools() override;
  std::vector<SessionView> sessions() override;
  std::vector<BackendView> backends() override;
  std::vector<RouteView> routes() override;
  std::vector<ScheduleView> schedules() override;
  std::vector<PoolTotals> totals() override;
  std::vector<FingerprintView> fingerprints() override;
  std::vector<EventView> events(std::uint64_t after) override { return events_.after(after); }
  std::string effective_config() override;
  std::shared_ptr<const config::Config> config() override { return server_.config(); }

  // house_actions.cpp
  protocol::Status pause(const std::string& pool, const Actor& by) override;
  protocol::Result<bool> pause_done(const std::string& pool) override;
  protocol::Status resume(const std::string& pool, const Actor& by) override;
  protocol::Status reconnect(const std::string& pool, const Actor& by) override;
  protocol::Result<bool> reconnect_done(const std::string& pool) override;
  protocol::Status reconnect_clients(const std::string& pool, const Actor& by) override;
  protocol::Status kill(const std::string& pool, const Actor& by) override;
  protocol::Status kill_session(std::uint32_t id, const Actor& by) override;
  protocol::Status disable(const std::string& pool, const Actor& by) override;
  protocol::Status enable(const std::string& pool, const Actor& by) override;
  protocol::Status resize(const std::string& pool, const config::schedule::Sizes& sizes,
                          const Actor& by) override;

  // house.cpp
  protocol::Result<Reloaded> reload(const Actor& by) override;
  protocol::Status shutdown(ShutdownMode mode, const Actor& by) override;
  protocol::Status set_log_level(std::string_view level, const Actor& by) override;
  std::optional<Right> authenticate(const std::string& user, const std::string& password) override;
  Right right_of(const std::string& user) override;

 private:
  using Names = std::vector<std::string>;
  // Of the pools that are meant: the one, or all of them.
  protocol::Result<Names> meant(const std::string& pool) const;
  std::vector<BackendPoolPtr> made(const Names& names);
  struct Deed {
    const char* kind;  // of the event
    const char* text;
    void (*act)(BackendPools& pools, const std::string& name);
  };
  protocol::Status act(const std::string& pool, const Actor& by, const Deed& deed);
  void note(std::string kind, const std::string& pool, std::string text, const Actor& by);
  void note_health(const BackendPool& pool, const protocol::Failure* failure);

  Server& server_;
  const metrics::Registry& registry_;
  const About about_;
  const WallTime started_at_;
  const TimePoint started_;
  Events events_;
  Doorman doorman_;
  Reloader reloader_;
  Stopper stopper_;
  ScheduleViews schedules_;
  Fingerprints fingerprints_;
  std::function<bool()> ready_;

  std::mutex reload_mutex_;  // one change of the configuration at a time
  std::mutex mutex_;         // of what follows
  struct {
    bool ok = true;
    WallTime at{};
    std::uint64_t count = 0;
    std::string error;
    std::vector<std::string> needs_restart;
  } reload_;
};

}  // namespace sluice::proxy::op
