#include "proxy/admin/transport.hpp"

#include <openssl/ssl.h>

#include <array>
#include <utility>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "proxy/admin/await.hpp"

namespace sluice::proxy::admin {
namespace {

namespace asio = boost::asio;
using Socket = Transport::Socket;
using Error = Transport::Error;

constexpr std::size_t kMaxDrained = 65536;  // of input that nobody wants

asio::awaitable<void> drain(Socket& socket) {
  Error ignored;
  socket.shutdown(Socket::shutdown_send, ignored);
  std::array<char, 4096> waste;
  for (std::size_t drained = 0; drained < kMaxDrained;) {
    auto [error, size] = co_await socket.async_read_some(asio::buffer(waste), kAwait);
    if (error) {
      break;
    }
    drained += size;
  }
}

template <typename Stream>
asio::awaitable<Transport::Read> read_from(Stream& stream, asio::mutable_buffer into) {
  auto [error, size] = co_await stream.async_read_some(into, kAwait);
  co_return Transport::Read{error, size};
}

template <typename Stream>
asio::awaitable<Error> write_to(Stream& stream, std::string_view bytes) {
  auto [error, size] =
      co_await asio::async_write(stream, asio::buffer(bytes.data(), bytes.size()), kAwait);
  co_return error;
}

class Plain final : public Transport {
 public:
  explicit Plain(Socket socket) : socket_(std::move(socket)) {}

  asio::awaitable<Error> handshake() override { co_return Error{}; }
  asio::awaitable<Read> read(asio::mutable_buffer into) override {
    return read_from(socket_, into);
  }
  asio::awaitable<Error> write(std::string_view bytes) override { return write_to(socket_, bytes); }
  asio::awaitable<void> finish() override { return drain(socket_); }
  void cancel() override {
    Error ignored;
    socket_.cancel(ignored);
  }
  void close() override {
    Error ignored;
    socket_.close(ignored);
  }

 private:
  Socket socket_;
};

// asio's context gives its reference back when it ends; the stream has one of its own.
asio::ssl::context borrowed(const TlsContextPtr& tls) {
  SSL_CTX_up_ref(tls->get());
  return asio::ssl::context(tls->get());
}

class Secure final : public Transport {
 public:
  Secure(Socket socket, asio::ssl::context context) : stream_(std::move(socket), context) {}

  asio::awaitable<Error> handshake() override {
    auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kAwait);
    co_return error;
  }
  asio::awaitable<Read> read(asio::mutable_buffer into) override {
    return read_from(stream_, into);
  }
  asio::awaitable<Error> write(std::string_view bytes) override { return write_to(stream_, bytes); }
  asio::awaitable<void> finish() override {
    co_await stream_.async_shutdown(kAwait);  // what goes wrong with it is nobody's concern
    if (stream_.next_layer().is_open()) {
      co_await drain(stream_.next_layer());
    }
  }
  void cancel() override {
    Error ignored;
    stream_.next_layer().cancel(ignored);
  }
  void close() override {
    Error ignored;
    stream_.next_layer().close(ignored);
  }

 private:
  asio::ssl::stream<Socket> stream_;
};

}  // namespace

std::unique_ptr<Transport> make_transport(Socket socket, const TlsContextPtr& tls) {
  if (!tls) {
    return std::make_unique<Plain>(std::move(socket));
  }
  return std::make_unique<Secure>(std::move(socket), borrowed(tls));
}

}  // namespace sluice::proxy::admin
