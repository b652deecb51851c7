#include "cli/signals.hpp"

#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>

namespace sluice::cli {

const char* signal_name(int signal) {
  switch (signal) {
    case SIGINT:
      return "SIGINT";
    case SIGQUIT:
      return "SIGQUIT";
    case SIGTERM:
      return "SIGTERM";
    default:
      return "none";
  }
}

Signals::Signals() {
  sigemptyset(&set_);
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2}) {
    sigaddset(&set_, signal);
  }
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

int Signals::next(proxy::TimePoint until) {
  int signal = 0;
  do {
    if (until == proxy::TimePoint::max()) {
      signal = ::sigwaitinfo(&set_, nullptr);
    } else {
      const auto left = std::max(until - proxy::Clock::now(), proxy::Duration::zero());
      const auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
      const timespec timeout{whole.count(), std::chrono::nanoseconds(left - whole).count()};
      signal = ::sigtimedwait(&set_, nullptr, &timeout);
    }
  } while (signal < 0 && errno == EINTR);
  if (signal == SIGTERM || signal == SIGINT || signal == SIGQUIT) {
    return signal;
  }
  if (const auto act = acts_.find(signal); act != acts_.end()) {
    act->second();
  }
  return 0;
}

}  // namespace sluice::cli
