#pragma once

// The sluice that takes this one's place, on the same host: the program as it lies on the disk now,
// started with the same arguments and with our listening sockets (proxy/inherited_sockets.hpp).
// Both accept from them, until we are told that it is ready.

#include <string>
#include <vector>

#include <sys/types.h>

#include "protocol/result.hpp"
#include "proxy/inherited_sockets.hpp"

namespace sluice::cli {

class Successor {
 public:
  enum class State { starting, ready, failed };

  // `command`: the program and its arguments. The sockets stay ours. Fails when no process can be
  // made; a program that cannot be run, or that ends by itself, is `failed` later.
  static protocol::Result<Successor> start(
      const std::vector<std::string>& command,
      const std::vector<proxy::InheritedSockets::Socket>& sockets);
  ~Successor();
  Successor(Successor&& other) noexcept;
  Successor& operator=(Successor&&) = delete;

  // Does not block. Once it is no longer `starting`, it stays what it is.
  State state();
  pid_t pid() const { return pid_; }
  // Ends it at once if it is starting.
  void give_up();

 private:
  Successor(pid_t pid, int pipe) : pid_(pid), pipe_(pipe) {}

  pid_t pid_;
  int pipe_;  // it writes a byte when it is ready, and closes its end
  State state_ = State::starting;
};

// For the process that was started so: tells the one before it that it may go. Once; nothing
// happens when nobody waits for it.
void tell_predecessor();

// The program and arguments of this process, for start(). A program that was found by its name
// alone is looked for where this one runs from; else links in its path are followed anew.
std::vector<std::string> own_command();

}  // namespace sluice::cli
