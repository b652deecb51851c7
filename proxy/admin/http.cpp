#include "proxy/admin/http.hpp"

#include <exception>
#include <list>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "metrics/log.hpp"

namespace sluice::proxy::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kChunk = 4096;
constexpr std::size_t kMaxBuffered = 65536;  // a request's header and what was sent after it
constexpr std::size_t kMaxDrained = 65536;   // of a body that nobody wants

Answer plain(unsigned status, std::string line) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(line) + "\n";
  return answer;
}

Page health_page(std::string path, std::function<Health()> ask) {
  return {std::move(path), [ask = std::move(ask)] {
            Health health = ask();
            return plain(health.ok ? 200 : 503, std::move(health.reason));
          }};
}

// One connection. Its coroutine owns it by way of the server's list.
struct Connection {
  explicit Connection(tcp::socket socket) : stream(std::move(socket)) {}
  beast::tcp_stream stream;
  beast::flat_buffer buffer{kMaxBuffered};
  bool idle = true;  // no byte of a request has arrived
};

using Response = http::response<http::string_body>;

}  // namespace

std::vector<Page> standard_pages(const metrics::Registry& registry, const HealthState& health) {
  return {
      {"/metrics",
       [&registry] {
         return Answer{200, "text/plain; version=0.0.4; charset=utf-8", registry.render()};
       }},
      health_page("/livez", [&health] { return health.live(); }),
      health_page("/readyz", [&health] { return health.ready(); }),
      health_page("/startupz", [&health] { return health.started(); }),
  };
}

// All of it but the first three lines of start() and stop() runs on the thread.
struct HttpServer::Impl {
  Impl(HttpOptions o, std::vector<Page> p) : options(std::move(o)), pages(std::move(p)) {}

  protocol::Status listen();
  asio::awaitable<void> accept_all();
  bool make_room();
  asio::awaitable<void> serve(std::list<Connection>::iterator self);
  asio::awaitable<bool> serve_one(Connection& connection);
  asio::awaitable<bool> reply(Connection& connection, Response response, bool head);
  asio::awaitable<void> linger(Connection& connection);
  Answer answer_to(http::verb method, std::string_view target) const;
  void begin_stop();

  const HttpOptions options;
  const std::vector<Page> pages;
  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  asio::steady_timer timer{context};  // accept_all's pause; later, the end of a stop's patience
  std::list<Connection> connections;
  bool stopping = false;
  std::uint16_t port = 0;
  std::thread thread;
};

protocol::Status HttpServer::Impl::listen() {
  using protocol::FailureKind;
  const auto& bind = options.bind;
  if (!bind.unix_path.empty()) {
    return protocol::fail(FailureKind::internal, "admin.http cannot be a unix socket");
  }
  const auto refuse = [&](const error_code& error) {
    return protocol::fail(
        FailureKind::internal,
        "cannot listen on " + bind.host + ":" + std::to_string(bind.port) + ": " + error.message());
  };
  error_code error;
  tcp::resolver resolver(context);
  const auto found =
      resolver.resolve(bind.host, std::to_string(bind.port),
                       tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error) {
    return refuse(error);
  }
  const tcp::endpoint endpoint = found.begin()->endpoint();
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
  if (!error) {
    port = acceptor.local_endpoint(error).port();
  }
  if (error) {
    return refuse(error);
  }
  return protocol::Done{};
}

// False: every place is taken by a connection in the middle of a request.
bool HttpServer::Impl::make_room() {
  if (connections.size() < options.max_connections) {
    return true;
  }
  for (Connection& connection : connections) {
    if (connection.idle && connection.stream.socket().is_open()) {
      connection.stream.close();
      return true;
    }
  }
  return false;
}

asio::awaitable<void> HttpServer::Impl::accept_all() {
  while (!stopping) {
    auto [error, socket] = co_await acceptor.async_accept(kAwait);
    if (stopping) {
      break;
    }
    if (error) {  // out of descriptors, as a rule: they will come back
      timer.expires_after(std::chrono::milliseconds(100));
      co_await timer.async_wait(kAwait);
      continue;
    }
    if (!make_room()) {
      continue;  // closes it
    }
    const auto self = connections.emplace(connections.end(), std::move(socket));
    asio::co_spawn(context, serve(self), asio::detached);
  }
}

asio::awaitable<void> HttpServer::Impl::serve(std::list<Connection>::iterator self) {
  try {
    self->stream.expires_after(options.request_timeout);
    while (co_await serve_one(*self)) {
    }
  } catch (const std::exception& caught) {
    metrics::log::error("admin_http_exception", {{"error", caught.what()}});
  }
  connections.erase(self);
  if (stopping && connections.empty()) {
    timer.cancel();
  }
}

// One request and its answer. False: the connection is over.
asio::awaitable<bool> HttpServer::Impl::serve_one(Connection& connection) {
  auto& [stream, buffer, idle] = connection;
  if (buffer.size() == 0) {
    auto [error, size] = co_await stream.async_read_some(buffer.prepare(kChunk), kAwait);
    if (error) {
      co_return false;
    }
    buffer.commit(size);
  }
  idle = false;
  stream.expires_after(options.request_timeout);
  http::request_parser<http::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(options.max_header));
  parser.body_limit(boost::none);
  auto [error, size] = co_await http::async_read_header(stream, buffer, parser, kAwait);
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    co_return co_await reply(connection, Response(http::status(431), 11, ""), false);
  }
  if (error.category() == http::make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    co_return co_await reply(connection, Response(http::status::bad_request, 11, ""), false);
  }
  if (error) {
    co_return false;
  }

  const auto& request = parser.get();
  Answer answer = answer_to(request.method(), request.target());
  Response response(http::status(answer.status), request.version());
  response.set(http::field::content_type, answer.content_type);
  response.body() = std::move(answer.body);
  if (answer.status == 405) {
    response.set(http::field::allow, "GET, HEAD");
  }
  // What follows a request with a body is that body, which is not read.
  response.keep_alive(request.keep_alive() && parser.is_done() && !stopping);
  co_return co_await reply(connection, std::move(response), request.method() == http::verb::head);
}

asio::awaitable<bool> HttpServer::Impl::reply(Connection& connection, Response response,
                                              bool head) {
  auto& [stream, buffer, idle] = connection;
  if (response.result_int() == 400 || response.result_int() == 431) {
    response.set(http::field::content_type, "text/plain; charset=utf-8");
    response.body() = std::string(response.reason()) + "\n";
    response.keep_alive(false);
  }
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  response.content_length(response.body().size());
  if (head) {
    response.body().clear();
  }
  stream.expires_after(options.request_timeout);
  auto [error, size] = co_await http::async_write(stream, response, kAwait);
  if (error) {
    co_return false;
  }
  if (!response.keep_alive()) {
    co_await linger(connection);
    co_return false;
  }
  if (stopping) {
    co_return false;
  }
  idle = true;
  stream.expires_after(options.idle_timeout);
  co_return true;
}

// Closing with unread input would reset the connection and take the answer with it.
asio::awaitable<void> HttpServer::Impl::linger(Connection& connection) {
  error_code ignored;
  connection.stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  connection.stream.expires_after(std::chrono::seconds(1));
  char waste[kChunk];
  for (std::size_t drained = 0; drained < kMaxDrained;) {
    auto [error, size] = co_await connection.stream.async_read_some(asio::buffer(waste), kAwait);
    if (error) {
      break;
    }
    drained += size;
  }
}

Answer HttpServer::Impl::answer_to(http::verb method, std::string_view target) const {
  const std::string_view path = target.substr(0, target.find('?'));
  for (const Page& page : pages) {
    if (page.path != path) {
      continue;
    }
    if (method != http::verb::get && method != http::verb::head) {
      return plain(405, "method not allowed");
    }
    try {
      return page.answer();
    } catch (const std::exception& caught) {
      metrics::log::error("admin_http_exception", {{"path", path}, {"error", caught.what()}});
      return plain(500, "internal error");
    }
  }
  return plain(404, "not found");
}

void HttpServer::Impl::begin_stop() {
  stopping = true;
  error_code ignored;
  acceptor.close(ignored);
  for (Connection& connection : connections) {
    if (connection.idle) {
      connection.stream.close();
    }
  }
  timer.expires_after(options.stop_timeout);  // ends a pause of accept_all, too
  if (connections.empty()) {
    return;
  }
  timer.async_wait([this](const error_code& error) {
    if (!error) {
      for (Connection& connection : connections) {
        connection.stream.close();
      }
    }
  });
}

HttpServer::HttpServer(HttpOptions options, std::vector<Page> pages)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(pages))) {}

HttpServer::~HttpServer() {
  stop();
}

protocol::Status HttpServer::start() {
  protocol::Status listening = impl_->listen();
  if (listening) {
    asio::co_spawn(impl_->context, impl_->accept_all(), asio::detached);
    impl_->thread = std::thread([this] { impl_->context.run(); });
  }
  return listening;
}

std::uint16_t HttpServer::port() const {
  return impl_->port;
}

void HttpServer::stop() {
  if (impl_->thread.joinable()) {
    asio::post(impl_->context, [this] { impl_->begin_stop(); });
    impl_->thread.join();
  }
}

}  // namespace sluice::proxy::admin
