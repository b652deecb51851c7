#pragma once

// Tells the service manager (systemd, Type=notify) how this process is: datagrams to the socket
// that NOTIFY_SOCKET names, as sd_notify(3) sends them. Without that variable nothing is told.

#include <string>
#include <string_view>

#include <sys/types.h>

#include "proxy/address.hpp"

namespace sluice::proxy {

class ServiceManager {
 public:
  // `socket`: a path, or an abstract name that begins with "@"; empty: nobody listens.
  explicit ServiceManager(std::string_view socket);
  // Of the environment. The variable stays there: a successor that is started needs it, too.
  static ServiceManager of_environment();

  // What cannot be told is not: the service manager must not be able to stop us by not reading.
  void ready(std::string_view status) const;
  void reloading() const;  // ends with ready()
  void stopping() const;
  void main_process(pid_t pid) const;  // another process takes this one's place

 private:
  void tell(const std::string& lines) const;
  SocketAddress address_;
};

}  // namespace sluice::proxy
