#pragma once

// One listening socket. It lives on the first worker's loop and hands each connection to the
// server. With a ring the kernel accepts by itself; without one it says when there is something to
// accept.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/result.hpp"
#include "proxy/inherited_sockets.hpp"
#include "proxy/listener.hpp"
#include "proxy/loop.hpp"
#include "proxy/ring.hpp"

namespace sluice::proxy {

class Server;

class Acceptor final : private Watched,
                       private RingListener,
                       public std::enable_shared_from_this<Acceptor> {
 public:
  // Listens on every address of the listener, with the server's inherited sockets where they fit;
  // nothing is accepted before start().
  static protocol::Result<std::vector<std::unique_ptr<Acceptor>>> open(Server& server,
                                                                       const ListenerPtr& listener);
  ~Acceptor() override;

  // On the loop's thread, as those below. From here on shared: a reload may drop it while what it
  // has left to the loop is still to come.
  void start(Loop& loop);
  void stop();
  // Stops for another process that has the same socket: who waits in the kernel's queue is left to
  // it, who has been accepted is served.
  void hand_over();
  // Between start() and stop(), or the end of what hand_over() began.
  bool accepts() const { return loop_ != nullptr; }
  // For another process, while this one accepts.
  InheritedSockets::Socket socket() const;
  // Who comes from now on is of this listener, whose address is the same. On the loop's thread once
  // it was started.
  void serve(ListenerPtr listener) { listener_ = std::move(listener); }
  const std::string& bound() const { return bound_; }

 private:
  Acceptor(Server& server, ListenerPtr listener, int fd, std::string bound);
  static std::vector<std::unique_ptr<Acceptor>> adopt(
      Server& server, const ListenerPtr& listener, std::vector<InheritedSockets::Socket> sockets);
  void on_events(std::uint32_t events) override;
  void on_accepted(int result) override;
  void ask_ring();
  void take_accepted();
  void accept_soon();
  void accept_all();
  void pause(int error);

  Server& server_;
  ListenerPtr listener_;
  int fd_;
  std::string bound_;
  // As which another process gets the socket: systemd's stays systemd's. See InheritedSockets.
  std::string name_ = InheritedSockets::kHandedOver;
  bool leaving_ = false;  // handed over
  Loop* loop_ = nullptr;
  std::unique_ptr<Timer> pause_;  // while no descriptor is to be had
  RingOp* accepting_ = nullptr;
  std::vector<int> accepted_;  // by the ring: descriptors, and -errno
};

}  // namespace sluice::proxy
