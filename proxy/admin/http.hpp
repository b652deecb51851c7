#pragma once

// The admin HTTP server, on a thread of its own, so that a scrape disturbs no worker and is
// answered until the process exits. What asks the operator has two more threads: a probe does not
// wait for it. Everything that a client may hold is bounded: header, body, time for a request,
// number of connections; when all are taken, the one that has been idle longest makes room for a
// new one, then the one that has been sending its request longest.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "protocol/result.hpp"
#include "proxy/admin/router.hpp"
#include "proxy/inherited_sockets.hpp"
#include "proxy/tls_context.hpp"

namespace sluice::proxy::admin {

struct HttpOptions {
  std::optional<config::Address> bind;  // port 0: any free one, see port(). Not a unix socket.
  std::string socket;                   // path of a unix socket; "" = none
  config::ListenerTls tls;              // of `bind`
  // Where a socket for these addresses may be; null: nowhere. Until start() returns.
  InheritedSockets* inherited = nullptr;
  std::size_t max_connections = 256;
  std::size_t max_header = 8192;
  std::size_t max_body = 65536;
  std::chrono::milliseconds request_timeout{5000};  // to send a request, and to take the answer
  std::chrono::milliseconds idle_timeout{90000};    // between the requests of one connection
  std::chrono::milliseconds stop_timeout{2000};     // for requests that run when stop() is called
};

class HttpServer {
 public:
  HttpServer(HttpOptions options, Site site);
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Reads the certificate, binds, listens and starts the threads. A failure says where and why.
  protocol::Status start();
  std::uint16_t port() const;  // the bound one; after start()
  // Reads certificate and key anew, for use_tls(), and changes nothing yet. What is of another mode
  // than that of the start is not read: only a restart turns TLS on or off. From any thread.
  protocol::Result<TlsContextPtr> read_tls(const config::ListenerTls& tls);
  // For the connections from now on; those of before stay as they are. From any thread.
  void use_tls(TlsContextPtr tls);
  // What is listened on, for another process; after start() and before stop().
  std::vector<InheritedSockets::Socket> sockets() const;
  // Finishes the requests that run, within stop_timeout, and joins the threads. Once or more.
  void stop();
  // Likewise, for another process that has the sockets too: the unix socket keeps its file.
  void hand_over();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::proxy::admin
