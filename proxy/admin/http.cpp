#include "proxy/admin/http.hpp"

#include <algorithm>
#include <exception>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "metrics/log.hpp"
#include "proxy/address.hpp"
#include "proxy/admin/await.hpp"
#include "proxy/admin/connection.hpp"
#include "proxy/admin/socket_file.hpp"
#include "proxy/admin/transport.hpp"

namespace sluice::proxy::admin {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Local = asio::local::stream_protocol;

constexpr std::size_t kAnswerThreads = 2;
constexpr std::size_t kMaxAnswering = 32;  // requests for the operator at once

protocol::Failure refuse(const std::string& where, const error_code& error) {
  return protocol::fail(protocol::FailureKind::internal,
                        "cannot listen on " + where + ": " + error.message());
}

// On one of the threads for that; it is awaited on the admin thread.
asio::awaitable<Answer> answer_slowly(Router& router, Request request) {
  co_return router.answer(request);
}

// One more in `count` for as long as it lives.
class Counted {
 public:
  explicit Counted(std::size_t& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::size_t& count_;
};

std::string text_of(const tcp::endpoint& peer) {
  const auto address = peer.address();
  const bool mapped = address.is_v6() && address.to_v6().is_v4_mapped();
  const std::string host =
      mapped ? asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string()
             : address.to_string();
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" +
         std::to_string(peer.port());
}

}  // namespace

// All of it but start(), read_tls(), use_tls() and stop() runs on the thread.
struct HttpServer::Impl {
  Impl(HttpOptions o, Site site) : options(std::move(o)), router(std::move(site), reach()) {}

  Reach reach() const;
  protocol::Status listen();
  std::optional<InheritedSockets::Socket> inherited(const SocketAddress& address);
  void bind_anew(const tcp::endpoint& endpoint, error_code& error);
  protocol::Status listen_tcp(const config::Address& bind);
  protocol::Status listen_local();
  template <typename Protocol>
  asio::awaitable<void> accept_all(asio::basic_socket_acceptor<Protocol>& acceptor,
                                   asio::steady_timer& pause);
  std::shared_ptr<Connection> welcome(tcp::socket socket);
  std::shared_ptr<Connection> welcome(Local::socket socket);
  std::shared_ptr<Connection> connection(std::unique_ptr<Transport> transport, Caller caller);
  bool make_room();
  asio::awaitable<void> serve(std::shared_ptr<Connection> connection);
  asio::awaitable<Answer> answer(Request request);
  TlsContextPtr current_tls();
  void begin_stop();

  const HttpOptions options;
  Router router;
  const Bounds bounds{options.max_header, options.max_body, options.request_timeout,
                      options.idle_timeout};
  const Connection::Desk desk{[this](const Request& request) { return router.wants_body(request); },
                              [this](Request request) { return answer(std::move(request)); },
                              [this] { return stopping; }};
  asio::io_context context{1};
  asio::thread_pool pool{kAnswerThreads};
  tcp::acceptor acceptor{context};
  Local::acceptor local_acceptor{context};
  SocketFile socket_file;
  asio::steady_timer pause{context};  // when there is no descriptor for the next connection
  asio::steady_timer local_pause{context};
  asio::steady_timer patience{context};  // of a stop
  std::list<std::shared_ptr<Connection>> connections;
  std::size_t answering = 0;
  bool stopping = false;
  std::uint16_t port = 0;
  std::mutex tls_mutex;
  TlsContextPtr tls;  // null: none
  std::thread thread;
};

Reach HttpServer::Impl::reach() const {
  if (!options.bind) {
    return {};
  }
  error_code error;
  const auto address = asio::ip::make_address(options.bind->host, error);
  return {error ? options.bind->host == "localhost" : address.is_loopback()};
}

std::optional<InheritedSockets::Socket> HttpServer::Impl::inherited(const SocketAddress& address) {
  return options.inherited != nullptr ? options.inherited->claim_bound(address) : std::nullopt;
}

void HttpServer::Impl::bind_anew(const tcp::endpoint& endpoint, error_code& error) {
  acceptor.open(endpoint.protocol(), error);
  if (!error) {
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  }
  if (!error) {
    acceptor.bind(endpoint, error);
  }
  if (!error) {
    acceptor.listen(tcp::acceptor::max_listen_connections, error);
  }
}

protocol::Status HttpServer::Impl::listen_tcp(const config::Address& bind) {
  if (!bind.unix_path.empty()) {
    return protocol::fail(protocol::FailureKind::internal, "admin.http cannot be a unix socket");
  }
  const std::string where = bind.host + ":" + std::to_string(bind.port);
  error_code error;
  tcp::resolver resolver(context);
  const auto found =
      resolver.resolve(bind.host, std::to_string(bind.port),
                       tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error) {
    return refuse(where, error);
  }
  const tcp::endpoint endpoint = found.begin()->endpoint();
  if (auto socket =
          inherited(socket_address(endpoint.data(), static_cast<socklen_t>(endpoint.size())))) {
    acceptor.assign(endpoint.protocol(), socket->fd, error);
  } else {
    bind_anew(endpoint, error);
  }
  if (!error) {
    port = acceptor.local_endpoint(error).port();
  }
  if (error) {
    return refuse(where, error);
  }
  return protocol::Done{};
}

protocol::Status HttpServer::Impl::listen_local() {
  auto address = resolve(config::Address{.unix_path = options.socket}, Purpose::listen);
  const auto socket = address ? inherited(address->front()) : std::nullopt;
  auto descriptor = socket ? protocol::Result<int>(socket->fd) : socket_file.listen(options.socket);
  if (!descriptor) {
    return descriptor.failure();
  }
  if (socket && socket->owns_path()) {
    socket_file.adopt(options.socket);
  }
  error_code error;
  local_acceptor.assign(Local(), *descriptor, error);
  if (error) {
    return refuse(options.socket, error);
  }
  return protocol::Done{};
}

protocol::Status HttpServer::Impl::listen() {
  if (options.bind) {
    if (protocol::Status status = listen_tcp(*options.bind); !status) {
      return status;
    }
  }
  if (!options.socket.empty()) {
    return listen_local();
  }
  return protocol::Done{};
}

TlsContextPtr HttpServer::Impl::current_tls() {
  const std::lock_guard lock(tls_mutex);
  return tls;
}

// False: every place is taken by a request that is being answered. One that is told to close still
// has its place until its coroutine has ended, soon.
bool HttpServer::Impl::make_room() {
  if (connections.size() < options.max_connections) {
    return true;
  }
  const auto before = [](const auto& a, const auto& b) {
    return std::pair(a->closed(), std::pair(a->phase(), a->since())) <
           std::pair(b->closed(), std::pair(b->phase(), b->since()));
  };
  const auto victim = std::min_element(connections.begin(), connections.end(), before);
  if (victim == connections.end() || (*victim)->closed() ||
      (*victim)->phase() == Connection::Phase::answering) {
    return false;
  }
  (*victim)->close();
  return true;
}

std::shared_ptr<Connection> HttpServer::Impl::connection(std::unique_ptr<Transport> transport,
                                                         Caller caller) {
  return std::make_shared<Connection>(context, std::move(transport), std::move(caller), bounds,
                                      desk);
}

std::shared_ptr<Connection> HttpServer::Impl::welcome(tcp::socket socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  const TlsContextPtr context_now = current_tls();
  Caller caller{text_of(socket.remote_endpoint(ignored)), false, context_now != nullptr};
  return connection(make_transport(std::move(socket), context_now), std::move(caller));
}

std::shared_ptr<Connection> HttpServer::Impl::welcome(Local::socket socket) {
  Caller caller{peer_of(socket.native_handle()), true, false};
  return connection(make_transport(std::move(socket), nullptr), std::move(caller));
}

template <typename Protocol>
asio::awaitable<void> HttpServer::Impl::accept_all(asio::basic_socket_acceptor<Protocol>& from,
                                                   asio::steady_timer& wait) {
  while (!stopping) {
    auto [error, socket] = co_await from.async_accept(kAwait);
    if (stopping) {
      break;
    }
    if (error) {  // out of descriptors, as a rule: they will come back
      wait.expires_after(std::chrono::milliseconds(100));
      co_await wait.async_wait(kAwait);
      continue;
    }
    if (!make_room()) {
      continue;  // it is closed
    }
    try {
      asio::co_spawn(context, serve(welcome(std::move(socket))), asio::detached);
    } catch (const std::exception& caught) {  // no memory for it, or for its TLS
      metrics::log::error("admin_http_exception", {{"error", caught.what()}});
    }
  }
}

asio::awaitable<void> HttpServer::Impl::serve(std::shared_ptr<Connection> connection) {
  const auto self = connections.insert(connections.end(), connection);
  try {
    co_await connection->run();
  } catch (const std::exception& caught) {
    metrics::log::error("admin_http_exception", {{"error", caught.what()}});
    connection->close();
  }
  connections.erase(self);
  if (stopping && connections.empty()) {
    patience.cancel();
  }
}

asio::awaitable<Answer> HttpServer::Impl::answer(Request request) {
  if (!router.is_slow(request)) {
    co_return router.answer(request);
  }
  if (answering >= kMaxAnswering) {
    Answer busy = error_answer(503, "busy", "too many requests at once; try again");
    busy.headers.emplace_back("Retry-After", "1");
    co_return busy;
  }
  const Counted counted(answering);
  co_return co_await asio::co_spawn(pool, answer_slowly(router, std::move(request)),
                                    asio::use_awaitable);
}

void HttpServer::Impl::begin_stop() {
  stopping = true;
  error_code ignored;
  acceptor.close(ignored);
  local_acceptor.close(ignored);
  socket_file.remove();
  pause.cancel();
  local_pause.cancel();
  for (const auto& connection : connections) {
    if (connection->phase() == Connection::Phase::idle) {
      connection->close();
    }
  }
  if (connections.empty()) {
    return;
  }
  patience.expires_after(options.stop_timeout);
  patience.async_wait([this](const error_code& error) {
    if (!error) {
      for (const auto& connection : connections) {
        connection->close();
      }
    }
  });
}

HttpServer::HttpServer(HttpOptions options, Site site)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(site))) {}

HttpServer::~HttpServer() {
  stop();
}

protocol::Status HttpServer::start() {
  auto tls = read_tls(impl_->options.tls);
  if (!tls) {
    return std::move(tls.failure());
  }
  use_tls(std::move(*tls));
  if (protocol::Status status = impl_->listen(); !status) {
    return status;
  }
  if (impl_->acceptor.is_open()) {
    asio::co_spawn(impl_->context, impl_->accept_all(impl_->acceptor, impl_->pause),
                   asio::detached);
  }
  if (impl_->local_acceptor.is_open()) {
    asio::co_spawn(impl_->context, impl_->accept_all(impl_->local_acceptor, impl_->local_pause),
                   asio::detached);
  }
  impl_->thread = std::thread([this] { impl_->context.run(); });
  return protocol::Done{};
}

std::uint16_t HttpServer::port() const {
  return impl_->port;
}

protocol::Result<TlsContextPtr> HttpServer::read_tls(const config::ListenerTls& tls) {
  const config::TlsMode mode = impl_->options.tls.mode;
  if (mode == config::TlsMode::disable || tls.mode != mode) {
    return impl_->current_tls();
  }
  // No protocol is chosen by ALPN: as for MySQL.
  return make_server_tls(tls, config::Protocol::mysql);
}

void HttpServer::use_tls(TlsContextPtr tls) {
  const std::lock_guard lock(impl_->tls_mutex);
  impl_->tls = std::move(tls);
}

std::vector<InheritedSockets::Socket> HttpServer::sockets() const {
  std::vector<InheritedSockets::Socket> all;
  if (impl_->acceptor.is_open()) {
    all.push_back({impl_->acceptor.native_handle(), InheritedSockets::kHandedOver, ""});
  }
  if (impl_->local_acceptor.is_open()) {
    const bool ours = impl_->socket_file.ours();
    all.push_back({impl_->local_acceptor.native_handle(),
                   ours ? InheritedSockets::kHandedOver : InheritedSockets::kUnnamed, ""});
  }
  return all;
}

void HttpServer::hand_over() {
  if (impl_->thread.joinable()) {
    asio::post(impl_->context, [this] { impl_->socket_file.release(); });
  }
  stop();
}

void HttpServer::stop() {
  if (impl_->thread.joinable()) {
    asio::post(impl_->context, [this] { impl_->begin_stop(); });
    impl_->thread.join();
    impl_->pool.join();
  }
}

}  // namespace sluice::proxy::admin
