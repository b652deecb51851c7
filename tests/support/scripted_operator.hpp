#pragma once

// An Operator whose views are what a test puts there, and which remembers what was asked of it.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/operator/operator.hpp"

namespace sluice::test {

class ScriptedOperator final : public proxy::op::Operator {
 public:
  using Actor = proxy::op::Actor;
  using Right = proxy::op::Right;
  using Status = protocol::Status;

  ScriptedOperator() : config_(std::make_shared<config::Config>()) {}

  proxy::op::StatusView status_view;
  std::vector<proxy::op::PoolView> pool_views;
  std::vector<proxy::op::SessionView> session_views;
  std::vector<proxy::op::BackendView> backend_views;
  std::vector<proxy::op::RouteView> route_views;
  std::vector<proxy::op::ScheduleView> schedule_views;
  std::vector<proxy::op::PoolTotals> pool_totals;
  std::vector<proxy::op::FingerprintView> fingerprint_views;
  std::vector<proxy::op::EventView> event_views;
  std::string config_text;
  std::shared_ptr<config::Config> config_;

  std::vector<std::string> calls;            // "pause pets by ops"
  std::unique_ptr<protocol::Failure> fails;  // every action, if set
  proxy::op::Reloaded reloaded;
  bool pause_over = true;
  bool reconnect_over = true;
  Right right = Right::act;
  std::optional<std::string> password;  // the only one that is right; empty: any
  int verified = 0;                     // passwords that were looked at

  proxy::op::StatusView status() override { return status_view; }
  std::vector<proxy::op::PoolView> pools() override { return pool_views; }
  std::vector<proxy::op::SessionView> sessions() override { return session_views; }
  std::vector<proxy::op::BackendView> backends() override { return backend_views; }
  std::vector<proxy::op::RouteView> routes() override { return route_views; }
  std::vector<proxy::op::ScheduleView> schedules() override { return schedule_views; }
  std::vector<proxy::op::PoolTotals> totals() override { return pool_totals; }
  std::vector<proxy::op::FingerprintView> fingerprints() override { return fingerprint_views; }
  std::vector<proxy::op::EventView> events(std::uint64_t after) override {
    std::vector<proxy::op::EventView> later;
    for (const auto& event : event_views) {
      if (event.number > after) {
        later.push_back(event);
      }
    }
    return later;
  }
  std::string effective_config() override { return config_text; }
  std::shared_ptr<const config::Config> config() override { return config_; }

  Status pause(const std::string& pool, const Actor& by) override { return did("pause", pool, by); }
  protocol::Result<bool> pause_done(const std::string& /*pool*/) override { return pause_over; }
  Status resume(const std::string& pool, const Actor& by) override {
    return did("resume", pool, by);
  }
  Status reconnect(const std::string& pool, const Actor& by) override {
    return did("reconnect", pool, by);
  }
  protocol::Result<bool> reconnect_done(const std::string& /*pool*/) override {
    return reconnect_over;
  }
  Status reconnect_clients(const std::string& pool, const Actor& by) override {
    return did("reconnect_clients", pool, by);
  }
  Status kill(const std::string& pool, const Actor& by) override { return did("kill", pool, by); }
  Status kill_session(std::uint32_t id, const Actor& by) override {
    return did("kill_session", std::to_string(id), by);
  }
  Status disable(const std::string& pool, const Actor& by) override {
    return did("disable", pool, by);
  }
  Status enable(const std::string& pool, const Actor& by) override {
    return did("enable", pool, by);
  }
  Status resize(const std::string& pool, const config::schedule::Sizes& sizes,
                const Actor& by) override {
    return did("resize",
               pool + " " + std::to_string(sizes.pool_size) + "+" +
                   std::to_string(sizes.max_overflow) + "/" + std::to_string(sizes.min_idle),
               by);
  }
  protocol::Result<proxy::op::Reloaded> reload(const Actor& by) override {
    Status status = did("reload", "", by);
    if (!status) {
      return std::move(status.failure());
    }
    return reloaded;
  }
  Status shutdown(proxy::op::ShutdownMode mode, const Actor& by) override {
    return did("shutdown", std::to_string(static_cast<int>(mode)), by);
  }
  Status set_log_level(std::string_view level, const Actor& by) override {
    return did("set_log_level", std::string(level), by);
  }
  std::optional<Right> authenticate(const std::string& /*user*/,
                                    const std::string& given) override {
    ++verified;
    return password.value_or(given) == given ? std::optional<Right>(right) : std::nullopt;
  }
  Right right_of(const std::string& /*user*/) override { return right; }

 private:
  Status did(const std::string& what, const std::string& with, const Actor& by) {
    calls.push_back(what + " " + with + " by " + by.user);
    return fails ? Status(*fails) : Status(protocol::Done{});
  }
};

}  // namespace sluice::test
