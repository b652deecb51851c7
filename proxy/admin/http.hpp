#pragma once

// The admin HTTP server: a few read-only pages, on a thread of its own, so that a scrape disturbs
// no worker and is answered until the process exits. Everything that a client may hold is bounded:
// header size, time for a request, number of connections. Request bodies are never read.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "metrics/registry.hpp"
#include "protocol/result.hpp"
#include "proxy/admin/health.hpp"

namespace sluice::proxy::admin {

struct Answer {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Answers GET and HEAD of one path, on the admin thread.
struct Page {
  std::string path;
  std::function<Answer()> answer;
};

// /metrics, /livez, /readyz, /startupz. Both arguments must outlive the server.
std::vector<Page> standard_pages(const metrics::Registry& registry, const HealthState& health);

struct HttpOptions {
  config::Address bind;  // port 0: any free one, see port(). Not a unix socket.
  std::size_t max_connections = 64;
  std::size_t max_header = 8192;
  std::chrono::milliseconds request_timeout{5000};  // to send a request, and to take the answer
  std::chrono::milliseconds idle_timeout{90000};    // between the requests of one connection
  std::chrono::milliseconds stop_timeout{2000};     // for requests that run when stop() is called
};

class HttpServer {
 public:
  HttpServer(HttpOptions options, std::vector<Page> pages);
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds, listens and starts the thread. A failure says which address and why.
  protocol::Status start();
  std::uint16_t port() const;  // the bound one; after start()
  // Finishes the requests that run, within stop_timeout, and joins the thread. Once or more.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::proxy::admin
