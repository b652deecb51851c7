#pragma once

// The signals that the process waits for, on one thread; every other thread has them blocked.

#include <signal.h>

#include <functional>
#include <map>
#include <utility>

#include "proxy/loop.hpp"

namespace sluice::cli {

// For the log.
const char* signal_name(int signal);

class Signals {
 public:
  // Blocks them, in this thread and all that it starts from now on: before any other thread runs.
  // SIGTERM, SIGINT and SIGQUIT ask for an end; SIGHUP, SIGUSR1 and SIGUSR2 for what on() says,
  // until then for nothing.
  Signals();
  // What is done at such a signal, on the thread that waits.
  void on(int signal, std::function<void()> act) { acts_[signal] = std::move(act); }

  // The next that asks for an end; 0 when something was done, or when `until` comes first.
  int next(proxy::TimePoint until = proxy::TimePoint::max());

 private:
  sigset_t set_;
  std::map<int, std::function<void()>> acts_;
};

}  // namespace sluice::cli
