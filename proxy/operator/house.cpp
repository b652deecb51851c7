#include "proxy/operator/house.hpp"

#include <utility>

#include "metrics/log.hpp"

namespace sluice::proxy::op {

using protocol::FailureKind;

House::House(Server& server, const metrics::Registry& registry, About about)
    : server_(server),
      registry_(registry),
      about_(std::move(about)),
      started_at_(std::chrono::system_clock::now()),
      started_(Clock::now()) {
  reload_.at = started_at_;
  server_.pools().on_health([this](const BackendPool& pool, const protocol::Failure* failure) {
    note_health(pool, failure);
  });
  server_.set_operator(this);
}

void House::note(std::string kind, const std::string& pool, std::string text, const Actor& by) {
  events_.add({std::move(kind), pool, std::move(text), by.user.empty() ? by.where : by.user});
}

void House::note_health(const BackendPool& pool, const protocol::Failure* failure) {
  if (failure != nullptr) {
    events_.add({"backend_down", pool.name(), failure->text, "", metrics::log::Level::warning});
  } else {
    events_.add({"backend_up", pool.name(),
                 "the backend of pool " + pool.description() + " answers again", ""});
  }
}

protocol::Result<Reloaded> House::reload(const Actor& by) {
  const std::lock_guard one_at_a_time(reload_mutex_);
  if (reloader_ == nullptr) {
    return protocol::fail(FailureKind::unsupported_feature,
                          "this process was started without a file to reload");
  }
  auto reloaded = reloader_(by);
  const std::string why = reloaded ? std::string() : reloaded.failure().text;
  {
    const std::lock_guard lock(mutex_);
    reload_.ok = reloaded.ok();
    reload_.at = std::chrono::system_clock::now();
    reload_.error = why;
    if (reloaded) {
      ++reload_.count;
      reload_.needs_restart = reloaded->needs_restart;
    }
  }
  if (reloaded) {
    note("reload", "", std::to_string(reloaded->changed.size()) + " keys have changed", by);
  } else {
    events_.add({"reload_failed", "", why, by.user.empty() ? by.where : by.user,
                 metrics::log::Level::error});
  }
  return reloaded;
}

protocol::Status House::shutdown(ShutdownMode mode, const Actor& by) {
  if (stopper_ == nullptr) {
    return protocol::fail(FailureKind::unsupported_feature,
                          "nobody can end this process from here");
  }
  const char* text = mode == ShutdownMode::immediate ? "now"
                     : mode == ShutdownMode::drain   ? "when the transactions have ended"
                                                     : "when the clients have left";
  note("shutdown", "", text, by);
  return stopper_(mode, by);
}

protocol::Status House::set_log_level(std::string_view level, const Actor& by) {
  const auto parsed = metrics::log::parse_level(level);
  if (!parsed) {
    return protocol::fail(FailureKind::unsupported_feature,
                          "the level of the log is one of trace, debug, info, warning, error");
  }
  metrics::log::set_level(*parsed);
  note("log_level", "", std::string(level), by);
  return protocol::Done{};
}

std::optional<Right> House::authenticate(const std::string& user, const std::string& password) {
  return doorman_.authenticate(config(), user, password);
}

Right House::right_of(const std::string& user) {
  const auto now = config();
  const config::User* known = now->find_user(user);
  return known != nullptr ? known->admin : Right::none;
}

}  // namespace sluice::proxy::op
