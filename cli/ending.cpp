#include "cli/ending.hpp"

#include <chrono>

#include "metrics/log.hpp"

namespace sluice::cli {
namespace {

using proxy::op::ShutdownMode;

int quickness(ShutdownMode how) {
  switch (how) {
    case ShutdownMode::wait_for_clients:
      return 0;
    case ShutdownMode::drain:
      return 1;
    case ShutdownMode::immediate:
      break;
  }
  return 2;
}

}  // namespace

int WantedEnd::ask(ShutdownMode how) {
  const std::lock_guard lock(mutex_);
  if (how_ && quickness(how) <= quickness(*how_)) {
    return 0;
  }
  how_ = how;
  return how == ShutdownMode::immediate ? SIGQUIT : SIGTERM;
}

void WantedEnd::begun(ShutdownMode how) {
  const std::lock_guard lock(mutex_);
  how_ = how_.value_or(how);
}

ShutdownMode WantedEnd::how() const {
  const std::lock_guard lock(mutex_);
  return how_.value_or(ShutdownMode::drain);
}

int wait_for_clients(proxy::Server& server, Signals& signals, proxy::TimePoint until) {
  constexpr auto kLook = std::chrono::milliseconds(20);
  metrics::log::info("waiting_for_clients", {{"clients", server.clients()}});
  int signal = 0;
  while (signal == 0 && !server.empty() && proxy::Clock::now() < until) {
    signal = signals.next(proxy::Clock::now() + kLook);
  }
  return signal;
}

void drain(proxy::Server& server, Signals& signals, bool quick) {
  const config::Drain drain = server.config()->drain;
  metrics::log::info("draining", {{"timeout_ms", drain.timeout.count()}});
  int again = 0;
  auto deadline = proxy::Clock::now() + (quick ? std::chrono::milliseconds(0) : drain.delay);
  while (again == 0 && proxy::Clock::now() < deadline) {
    again = signals.next(deadline);
  }
  server.drain();
  deadline = proxy::Clock::now() + drain.timeout;
  while (again == 0 && !server.empty() && proxy::Clock::now() < deadline) {
    again = signals.next(proxy::Clock::now() + std::chrono::milliseconds(10));
  }
  if (!server.empty()) {
    metrics::log::warning("drain_cut_short",
                          {{"reason", again != 0 ? "second signal" : "timeout"}});
  }
  server.stop_now();
  server.join();
}

void end_now(proxy::Server& server) {
  server.drain();
  server.stop_now();
  server.join();
}

}  // namespace sluice::cli
