#include "proxy/admin/connection.hpp"

#include <limits>
#include <optional>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>

namespace sluice::proxy::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t kChunk = 4096;
constexpr std::size_t kMaxBuffered = 65536;  // of what was sent and is not parsed yet
constexpr auto kGoodbye = std::chrono::seconds(1);

std::string text(beast::string_view view) {
  return {view.data(), view.size()};
}

template <typename Fields>
Request request_of(const Fields& head, const Caller& caller) {
  Request request;
  request.method = text(head.method_string());
  const std::string target = text(head.target());
  const auto mark = target.find('?');
  request.path = target.substr(0, mark);
  request.query = mark == std::string::npos ? std::string() : target.substr(mark + 1);
  for (const auto& field : head) {
    request.headers.emplace_back(text(field.name_string()), text(field.value()));
  }
  request.caller = caller;
  return request;
}

// What went wrong while a request was read, as an answer; empty: there is nobody to answer, or
// nothing wrong.
unsigned status_of(const error_code& error, bool late) {
  if (late) {
    return 408;
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return 431;
  }
  if (error == http::error::body_limit) {
    return 413;
  }
  const bool is_http =
      error.category() == http::make_error_code(http::error::bad_method).category();
  const bool cut_off = error == http::error::end_of_stream || error == http::error::partial_message;
  return is_http && !cut_off ? 400 : 0;
}

Answer answer_for(unsigned status) {
  switch (status) {
    case 408:
      return error_answer(408, "too_slow", "the request took too long to arrive");
    case 413:
      return error_answer(413, "body_too_large", "the body of a request may have 64 KiB");
    case 431:
      return error_answer(431, "header_too_large", "the header of a request may have 8 KiB");
    default:
      return error_answer(400, "bad_request", "this is not a request in HTTP/1.1");
  }
}

}  // namespace

Connection::Connection(asio::io_context& context, std::unique_ptr<Transport> transport,
                       Caller caller, const Bounds& bounds, const Desk& desk)
    : transport_(std::move(transport)),
      caller_(std::move(caller)),
      bounds_(bounds),
      desk_(desk),
      deadline_(context),
      buffer_(kMaxBuffered),
      since_(std::chrono::steady_clock::now()) {}

void Connection::close() {
  closed_ = true;
  transport_->close();
}

void Connection::enter(Phase phase, std::chrono::milliseconds limit) {
  phase_ = phase;
  since_ = std::chrono::steady_clock::now();
  deadline_.expires_after(limit);
  deadline_.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    // A wait that was over before it could be called off finds a later deadline.
    if (!error && self && self->deadline_.expiry() <= std::chrono::steady_clock::now()) {
      self->expired();
    }
  });
}

void Connection::expired() {
  if (phase_ == Phase::reading) {
    late_ = true;
    transport_->cancel();
  } else if (phase_ != Phase::answering) {
    close();
  }
}

asio::awaitable<void> Connection::run() {
  enter(Phase::reading, bounds_.request);
  const error_code error = co_await transport_->handshake();
  if (!error) {
    enter(Phase::idle, bounds_.request);
    while (co_await serve_one()) {
    }
  }
  deadline_.cancel();
  close();
}

// More of a request into the buffer. False: there is no more.
asio::awaitable<bool> Connection::fill() {
  if (late_ || closed_) {
    co_return false;
  }
  const Transport::Read read = co_await transport_->read(buffer_.prepare(kChunk));
  if (read.error || late_) {
    co_return false;
  }
  buffer_.commit(read.size);
  co_return true;
}

// The head, or all of a request. It is end_of_stream that the client, or its time, has ended first.
template <typename Parser>
asio::awaitable<error_code> Connection::parse(Parser& parser, bool whole) {
  error_code error;
  parser.eager(whole);
  for (;;) {
    if (buffer_.size() > 0) {
      buffer_.consume(parser.put(buffer_.data(), error));
      if (error && error != http::error::need_more) {
        co_return error;
      }
      if (whole ? parser.is_done() : parser.is_header_done()) {
        co_return error_code{};
      }
      if (buffer_.size() + kChunk > kMaxBuffered) {
        co_return http::make_error_code(http::error::buffer_overflow);
      }
    }
    const bool more = co_await fill();
    if (!more) {
      co_return http::make_error_code(http::error::end_of_stream);
    }
  }
}

// The status of what is wrong with it; 0: it is in `request`, or nobody is there to be answered.
asio::awaitable<unsigned> Connection::read_body(HeadParser& head, Request& request) {
  const auto announced = head.content_length();
  if (announced && *announced > bounds_.max_body) {
    co_return 413;
  }
  if (beast::iequals(head.get()[http::field::expect], "100-continue")) {
    const error_code error = co_await transport_->write("HTTP/1.1 100 Continue\r\n\r\n");
    if (error) {
      close();
      co_return 0;
    }
  }
  BodyParser parser(std::move(head));
  parser.body_limit(bounds_.max_body);
  const error_code error = co_await parse(parser, true);
  if (error) {
    const unsigned status = status_of(error, late_);
    if (status == 0) {
      close();
    }
    co_return status;
  }
  request.body = std::move(parser.get().body());
  co_return 0;
}

// Into `request`, and how its answer is framed. The status of what is wrong with it; 0: nothing is,
// or nobody is there to be answered, and the connection is closed.
asio::awaitable<unsigned> Connection::read_request(Request& request, Framing& framing) {
  HeadParser parser;
  parser.header_limit(static_cast<std::uint32_t>(bounds_.max_header));
  parser.body_limit(boost::none);
  const error_code error = co_await parse(parser, false);
  if (error) {
    const unsigned status = status_of(error, late_);
    if (status == 0) {
      close();
    }
    co_return status;
  }
  request = request_of(parser.get(), caller_);
  framing.head = request.method == "HEAD";
  // What follows a request whose body is not read is that body.
  const bool whole = parser.is_done();
  const bool read = !whole && desk_.wants_body(request);
  framing.keep_alive = parser.get().version() >= 11 && parser.get().keep_alive() && (whole || read);
  if (!read) {
    co_return 0;
  }
  co_return co_await read_body(parser, request);
}

// One request and its answer. False: the connection is over.
asio::awaitable<bool> Connection::serve_one() {
  if (buffer_.size() == 0) {
    const bool more = co_await fill();
    if (!more) {
      co_return false;
    }
  }
  enter(Phase::reading, bounds_.request);
  Request request;
  Framing framing{false, false};
  const unsigned wrong = co_await read_request(request, framing);
  if (closed_) {
    co_return false;
  }
  Answer answer;
  if (wrong != 0) {
    framing.keep_alive = false;
    answer = answer_for(wrong);
  } else {
    enter(Phase::answering, bounds_.request);
    answer = co_await desk_.answer(std::move(request));
  }
  co_return co_await reply(std::move(answer), framing);
}

asio::awaitable<bool> Connection::reply(Answer answer, Framing framing) {
  framing.keep_alive = framing.keep_alive && !desk_.stopping();
  const std::string bytes = to_bytes(answer, framing);
  enter(Phase::writing, bounds_.request);
  const error_code error = co_await transport_->write(bytes);
  if (error || closed_) {
    co_return false;
  }
  if (!framing.keep_alive) {
    enter(Phase::writing, kGoodbye);
    co_await transport_->finish();
    co_return false;
  }
  if (desk_.stopping()) {
    co_return false;
  }
  enter(Phase::idle, bounds_.idle);
  co_return true;
}

}  // namespace sluice::proxy::admin
