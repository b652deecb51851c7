#pragma once

// Listening sockets that another process hands over when it starts this one: systemd (socket
// activation), or the sluice that this one replaces. Both speak the protocol of sd_listen_fds(3):
// LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES in the environment, descriptors from 3 on.

#include <optional>
#include <string>
#include <vector>

#include "proxy/address.hpp"

namespace sluice::proxy {

class InheritedSockets {
 public:
  // In LISTEN_FDNAMES: names that are not those of a listener, whose sockets are known by their
  // address alone. The path of a unix socket that was handed over is the new owner's to remove;
  // that of any other is somebody else's.
  static constexpr const char* kHandedOver = "sluice-handed-over";
  static constexpr const char* kUnnamed = "unknown";  // systemd's word

  struct Socket {
    int fd = -1;
    std::string name;
    std::string bound;  // its address

    bool owns_path() const { return name == kHandedOver; }
  };

  InheritedSockets() = default;
  // Takes the sockets that the environment tells of, if it is meant for this process, and removes
  // it from there: no child of ours shall take it for its own. Before any thread is started.
  static InheritedSockets take();
  // Likewise with the values of the three variables, null = unset. What is no listening stream
  // socket is closed.
  static InheritedSockets take(const char* pid, const char* count, const char* names,
                               int first = 3);
  ~InheritedSockets();  // closes what nobody has claimed
  InheritedSockets(InheritedSockets&& other) noexcept;
  InheritedSockets& operator=(InheritedSockets&& other) noexcept;

  // All sockets of that name. The caller owns them; they do not block and are closed on exec.
  std::vector<Socket> claim_named(const std::string& name);
  // The socket that is bound to this address.
  std::optional<Socket> claim_bound(const SocketAddress& address);
  // The addresses of those that are left.
  std::vector<std::string> unclaimed() const;

 private:
  std::vector<Socket> sockets_;
};

}  // namespace sluice::proxy
