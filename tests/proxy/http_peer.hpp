#pragma once

// A client of the admin server that says what it likes, over a loopback or a unix socket.

#include <cstdint>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace sluice::proxy::admin {

namespace asio = boost::asio;

// A client that blocks.
class Peer {
 public:
  explicit Peer(std::uint16_t port) {
    socket_.connect(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port));
  }
  explicit Peer(const std::string& path) {
    socket_.connect(asio::local::stream_protocol::endpoint(path));
  }
  void send(const std::string& text) {
    boost::system::error_code ignored;  // the server may have answered and closed already
    asio::write(socket_, asio::buffer(text), ignored);
  }
  // Until the server closes.
  std::string rest() {
    std::string all;
    boost::system::error_code error;
    asio::read(socket_, asio::dynamic_buffer(all), error);
    return all;
  }
  // One answer with a Content-Length, on a connection that stays open.
  std::string answer(bool head = false) {
    std::string text;
    while (text.find("\r\n\r\n") == std::string::npos && more(text)) {
    }
    const std::size_t end = text.find("\r\n\r\n");
    const std::size_t at = text.find("Content-Length: ");
    if (end == std::string::npos || at == std::string::npos || head) {
      return text;
    }
    const std::size_t whole = end + 4 + std::stoul(text.substr(at + 16));
    while (text.size() < whole && more(text)) {
    }
    return text;
  }
  std::string ask(const std::string& request) {
    send(request);
    return rest();
  }

 private:
  bool more(std::string& text) {
    char one;
    boost::system::error_code error;
    text.append(&one, asio::read(socket_, asio::buffer(&one, 1), error));
    return !error;
  }

  asio::io_context context_;
  asio::generic::stream_protocol::socket socket_{context_};
};

inline std::string get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
}

inline std::string body_of(const std::string& answer) {
  return answer.substr(answer.find("\r\n\r\n") + 4);
}
inline std::string status_of(const std::string& answer) {
  return answer.substr(0, answer.find("\r\n"));
}

}  // namespace sluice::proxy::admin
