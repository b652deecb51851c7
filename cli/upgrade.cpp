#include "cli/upgrade.hpp"

#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "metrics/log.hpp"

namespace sluice::cli {
namespace {

constexpr auto kLook = std::chrono::milliseconds(20);
constexpr auto kPatience = std::chrono::seconds(60);

std::string process(pid_t pid) {
  return "process " + std::to_string(pid);
}

}  // namespace

void Upgrade::begin() {
  if (successor_) {
    metrics::log::warning("upgrade_under_way", {{"pid", successor_->pid()}});
    return;
  }
  if (::getpid() == 1) {
    // The container ends with its first process, whatever has been started beside it.
    fail("this is process 1 of a container");
    return;
  }
  std::vector<proxy::InheritedSockets::Socket> sockets = server_.sockets();
  if (admin_ != nullptr) {
    for (auto& socket : admin_->sockets()) {
      sockets.push_back(std::move(socket));
    }
  }
  auto started = Successor::start(own_command(), sockets);
  if (!started) {
    fail(started.failure().text);
    return;
  }
  successor_.emplace(std::move(*started));
  deadline_ = proxy::Clock::now() + kPatience;
  events_.add({"upgrade_started", "", process(successor_->pid()), "signal"});
}

proxy::TimePoint Upgrade::next_look() const {
  return successor_ ? proxy::Clock::now() + kLook : proxy::TimePoint::max();
}

bool Upgrade::look() {
  if (!successor_) {
    return false;
  }
  switch (successor_->state()) {
    case Successor::State::ready:
      manager_.main_process(successor_->pid());
      server_.hand_over();
      if (admin_ != nullptr) {
        admin_->hand_over();
      }
      events_.add({"handed_over", "",
                   "to " + process(successor_->pid()) +
                       ", clients that stay for now: " + std::to_string(server_.clients()),
                   "signal"});
      return true;
    case Successor::State::failed:
      fail("it ended before it was ready; its own messages say why");
      break;
    case Successor::State::starting:
      if (proxy::Clock::now() >= deadline_) {
        fail("it was not ready within a minute");
      }
  }
  return false;
}

void Upgrade::fail(const std::string& why) {
  events_.add({"upgrade_failed", "", why, "signal", metrics::log::Level::error});
  if (successor_) {
    successor_->give_up();
    successor_.reset();
  }
}

void Upgrade::give_up() {
  if (successor_) {
    fail("this process was asked to end at once");
  }
}

}  // namespace sluice::cli
