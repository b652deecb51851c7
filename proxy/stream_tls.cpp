// A stream with TLS: OpenSSL between the socket, or the ring, and the reader and writer.

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "proxy/stream.hpp"
#include "proxy/tls_context.hpp"

namespace sluice::proxy {
namespace {

constexpr std::size_t kTlsRecord = 16384;

Stream& stream_of(BIO* bio) {
  return *static_cast<Stream*>(BIO_get_data(bio));
}

}  // namespace

// What OpenSSL calls for the encrypted bytes.
struct Stream::Encrypted {
  static int read(BIO* bio, char* to, int size) {
    BIO_clear_retry_flags(bio);
    const int count = stream_of(bio).take_encrypted(to, static_cast<std::size_t>(size));
    if (count == -EAGAIN) {
      BIO_set_retry_read(bio);
    }
    return std::max(count, -1);
  }
  static int write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    const int count = stream_of(bio).put_encrypted(from, static_cast<std::size_t>(size));
    if (count == -EAGAIN) {
      BIO_set_retry_write(bio);
    }
    return std::max(count, -1);
  }
  static long control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
    if (command == BIO_CTRL_EOF) {
      return stream_of(bio).at_end() ? 1 : 0;
    }
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }
  // Made once and never freed: connections may live until the process ends.
  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* method =
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sluice stream");
      BIO_meth_set_read(method, &Encrypted::read);
      BIO_meth_set_write(method, &Encrypted::write);
      BIO_meth_set_ctrl(method, &Encrypted::control);
      return method;
    }();
    return made;
  }
};

// Bytes, 0 at the end, -EAGAIN when there are none yet, or -1.
int Stream::take_encrypted(char* to, std::size_t size) {
  if (ahead_) {
    Chunk chunk = read_arrived(size);
    more_to_decrypt_ = false;
    if (!chunk.has_data()) {
      return chunk.spurious() ? -EAGAIN : chunk.arrival() == Arrival::end ? 0 : -1;
    }
    std::copy(chunk.bytes().begin(), chunk.bytes().end(), to);
    return static_cast<int>(chunk.bytes().size());
  }
  ssize_t count = 0;
  do {
    count = ::recv(fd_, to, size, 0);
  } while (count < 0 && errno == EINTR);
  more_to_decrypt_ = count == static_cast<ssize_t>(size);
  if (count > 0) {
    received_ += static_cast<std::uint64_t>(count);
    return static_cast<int>(count);
  }
  peer_closed_ = peer_closed_ || count == 0;
  return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? -EAGAIN : static_cast<int>(count);
}

// As many as have been taken, -EAGAIN when there is no room, or -1.
int Stream::put_encrypted(const char* from, std::size_t size) {
  if (sending_ != nullptr) {
    return -EAGAIN;
  }
  if (ahead_ && size <= Ring::kMaxSend) {
    std::uint8_t* to = loop_->ring()->send(sending_, fd_, *this, size);
    if (to == nullptr) {
      return -1;
    }
    std::copy_n(from, size, to);
    sent_ += size;
    return static_cast<int>(size);
  }
  ssize_t count = 0;
  do {
    count = ::send(fd_, from, size, MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  if (count >= 0) {
    sent_ += static_cast<std::uint64_t>(count);
    return static_cast<int>(count);
  }
  return errno == EAGAIN || errno == EWOULDBLOCK ? -EAGAIN : -1;
}

Chunk Stream::read_tls(std::size_t limit) {
  Block* block = loop_->buffers().borrow();
  ERR_clear_error();
  int room = static_cast<int>(std::min(limit, kChunkSize));
  int count = SSL_read(ssl_, block->bytes.data(), room);
  if (count > 0) {
    // What is left in the kernel, the queue or OpenSSL; else the next arrival tells of more.
    readable_ = more_to_decrypt_ || arrived_ != nullptr || at_end() || SSL_has_pending(ssl_) != 0;
    return {loop_->buffers(), block, static_cast<std::size_t>(count)};
  }
  loop_->buffers().give_back(block);
  switch (SSL_get_error(ssl_, count)) {
    case SSL_ERROR_WANT_READ:
      readable_ = false;
      return Chunk(Arrival::nothing);
    case SSL_ERROR_WANT_WRITE:  // its answer to a key update waits for a write that is under way
      burst_ = kBurst - 1;
      return Chunk(Arrival::nothing);
    case SSL_ERROR_ZERO_RETURN:
      return Chunk(Arrival::end);
    case SSL_ERROR_SYSCALL:
      return Chunk(count == 0 ? Arrival::end : Arrival::error);
    default:
      ERR_clear_error();
      return Chunk(Arrival::error);
  }
}

Stream::Sent Stream::send_tls(protocol::Outbox& outbox) {
  while (!outbox.empty()) {
    // Small pieces share a record: each costs a system call and an encryption.
    std::array<std::uint8_t, kTlsRecord> record;
    protocol::Bytes next = outbox.piece(0);
    if (outbox.pieces() > 1 && next.size() < kTlsRecord) {
      std::size_t size = 0;
      for (std::size_t i = 0; i < outbox.pieces() && size < kTlsRecord; ++i) {
        protocol::Bytes piece = outbox.piece(i);
        std::size_t part = std::min(piece.size(), kTlsRecord - size);
        std::copy_n(piece.begin(), part, record.begin() + static_cast<std::ptrdiff_t>(size));
        size += part;
      }
      next = {record.data(), size};
    }
    ERR_clear_error();
    int written = SSL_write(ssl_, next.data(), static_cast<int>(std::min(next.size(), kTlsRecord)));
    if (written <= 0) {
      if (SSL_get_error(ssl_, written) == SSL_ERROR_WANT_WRITE) {
        writable_ = false;
        return Sent::blocked;
      }
      ERR_clear_error();
      return Sent::failed;
    }
    outbox.consume(static_cast<std::size_t>(written));
  }
  return Sent::all;
}

bool Stream::shake_hands(int& outcome) {
  ERR_clear_error();
  int done = SSL_do_handshake(ssl_);
  if (done == 1) {
    outcome = SSL_ERROR_NONE;
    return true;
  }
  outcome = SSL_get_error(ssl_, done);
  return outcome != SSL_ERROR_WANT_READ && outcome != SSL_ERROR_WANT_WRITE;
}

std::optional<protocol::PeerCertificate> Stream::peer_certificate() const {
  return ssl_ == nullptr ? std::nullopt : verified_certificate(ssl_);
}

Task<protocol::Status> Stream::start_tls(ssl_ctx_st* context, Role role, std::string host) {
  ssl_ = SSL_new(context);
  BIO* bio = ssl_ != nullptr ? BIO_new(Encrypted::method()) : nullptr;
  if (bio == nullptr) {
    co_return protocol::fail(protocol::FailureKind::tls_failed, "cannot start TLS",
                             tls_failure_text(ssl_));
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  if (role == Role::server) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
    if (auto expected = expect_server(ssl_, host); !expected) {
      co_return std::move(expected.failure());
    }
  }
  for (;;) {
    int outcome = 0;
    if (aborted_) {
      co_return protocol::fail(protocol::FailureKind::tls_failed, "TLS handshake interrupted");
    }
    if (shake_hands(outcome)) {
      if (outcome == SSL_ERROR_NONE) {
        co_return protocol::Done{};
      }
      co_return protocol::fail(protocol::FailureKind::tls_failed, "TLS handshake failed",
                               tls_failure_text(ssl_));
    }
    if (outcome == SSL_ERROR_WANT_WRITE) {
      writable_ = false;
      co_await writable();
      continue;
    }
    readable_ = peer_closed_;
    struct Readable {
      Stream& stream;
      bool await_ready() const { return stream.readable_; }
      void await_suspend(std::coroutine_handle<> reader) { stream.reader_ = reader; }
      void await_resume() {}
    };
    co_await Readable{*this};
  }
}

}  // namespace sluice::proxy
