#pragma once

// The terminal in the hands of a full-screen program: raw keys, the alternate screen; as it was
// when this ends, also by a signal.

#include <termios.h>

#include <chrono>
#include <string>
#include <vector>

#include "cli/top_view.hpp"

namespace sluice::cli {

// One at a time.
class Terminal {
 public:
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // Standard input and output are one.
  static bool available();

  // False: standard input is no terminal that can be set.
  bool ready() const { return ready_; }
  ScreenSize size() const;
  // What was typed within the time; empty when nothing was, or when the size has changed.
  std::string read(std::chrono::milliseconds most);
  void show(const std::vector<std::string>& lines);
  // SIGTERM, SIGINT or SIGHUP came, or the terminal is gone.
  bool ended() const;

 private:
  termios before_{};
  bool ready_ = false;
  bool gone_ = false;
};

}  // namespace sluice::cli
