#pragma once

// One connection to the admin server: requests one after the other, each within its bounds of size
// and time. On the admin thread alone.

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "proxy/admin/message.hpp"
#include "proxy/admin/transport.hpp"

namespace sluice::proxy::admin {

struct Bounds {
  std::size_t max_header = 8192;
  std::size_t max_body = 65536;
  std::chrono::milliseconds request{5000};  // to send a request, and to take the answer
  std::chrono::milliseconds idle{90000};    // between the requests of one connection
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  // What it is doing, in the order in which connections make room for new ones.
  enum class Phase : std::uint8_t {
    idle,       // no byte of a request has arrived
    reading,    // a handshake, or a request
    writing,    // an answer
    answering,  // whoever answers has the word; never cut short
  };
  // What a connection asks of the server, which outlives it.
  struct Desk {
    std::function<bool(const Request&)> wants_body;
    std::function<boost::asio::awaitable<Answer>(Request)> answer;
    std::function<bool()> stopping;
  };

  Connection(boost::asio::io_context& context, std::unique_ptr<Transport> transport, Caller caller,
             const Bounds& bounds, const Desk& desk);

  // Until the connection has ended. Once; the caller keeps the connection meanwhile.
  boost::asio::awaitable<void> run();
  void close();

  Phase phase() const { return phase_; }
  bool closed() const { return closed_; }
  TimePoint since() const { return since_; }  // when the phase began

 private:
  using HeadParser = boost::beast::http::request_parser<boost::beast::http::empty_body>;
  using BodyParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void enter(Phase phase, std::chrono::milliseconds limit);
  void expired();
  boost::asio::awaitable<bool> serve_one();
  boost::asio::awaitable<bool> fill();
  template <typename Parser>
  boost::asio::awaitable<boost::system::error_code> parse(Parser& parser, bool whole);
  boost::asio::awaitable<unsigned> read_request(Request& request, Framing& framing);
  boost::asio::awaitable<unsigned> read_body(HeadParser& head, Request& request);
  boost::asio::awaitable<bool> reply(Answer answer, Framing framing);

  std::unique_ptr<Transport> transport_;
  const Caller caller_;
  const Bounds& bounds_;
  const Desk& desk_;
  boost::asio::steady_timer deadline_;
  boost::beast::flat_buffer buffer_;
  Phase phase_ = Phase::idle;
  TimePoint since_;
  bool late_ = false;  // the deadline has passed while a request was read
  bool closed_ = false;
};

}  // namespace sluice::proxy::admin
