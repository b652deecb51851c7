#pragma once

// The bytes of one connection: a TCP or a unix socket, with TLS or without. On the admin thread
// alone; one read and one write at a time.

#include <cstddef>
#include <memory>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/system/error_code.hpp>

#include "proxy/tls_context.hpp"

namespace sluice::proxy::admin {

class Transport {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Error = boost::system::error_code;
  struct Read {
    Error error;
    std::size_t size = 0;
  };

  virtual ~Transport() = default;

  virtual boost::asio::awaitable<Error> handshake() = 0;
  virtual boost::asio::awaitable<Read> read(boost::asio::mutable_buffer into) = 0;
  virtual boost::asio::awaitable<Error> write(std::string_view bytes) = 0;
  // Tells the other side that nothing more comes, and reads what it still sends: to close with
  // unread input would reset the connection and take the answer with it. The caller bounds the
  // time, by close().
  virtual boost::asio::awaitable<void> finish() = 0;

  // Ends what is awaited, with an error. After cancel() the connection can still be written to.
  virtual void cancel() = 0;
  virtual void close() = 0;
};

// `tls` null: as it is.
std::unique_ptr<Transport> make_transport(Transport::Socket socket, const TlsContextPtr& tls);

}  // namespace sluice::proxy::admin
