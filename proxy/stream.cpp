#include "proxy/stream.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "proxy/tls_context.hpp"

namespace sluice::proxy {
namespace {

constexpr std::size_t kMaxPieces = 64;  // iovecs in one system call
constexpr std::size_t kTlsRecord = 16384;
constexpr auto kLinger = std::chrono::seconds(1);

}  // namespace

Stream::Stream(Loop& loop, int fd) : loop_(&loop), fd_(fd) {
  attach(loop);
}

Stream::~Stream() {
  if (watched_) {
    loop_->unwatch(fd_, *this);
  }
  SSL_free(ssl_);
  ::close(fd_);
}

void Stream::on_events(std::uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    bool both_ways = (events & (EPOLLHUP | EPOLLERR)) != 0;
    bool news = !peer_closed_ || (both_ways && !hung_up_);
    peer_closed_ = true;
    hung_up_ = hung_up_ || both_ways;
    if (news && peer_watch_ != nullptr) {
      peer_watch_->peer_closed();
    }
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    readable_ = true;
    if (reader_) {
      loop_->ready(std::exchange(reader_, {}));
    }
  }
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
    writable_ = true;
    if (writer_) {
      loop_->ready(std::exchange(writer_, {}));
    }
  }
}

void Stream::wake() {
  readable_ = true;
  writable_ = true;
  if (reader_) {
    loop_->ready(std::exchange(reader_, {}));
  }
  if (writer_) {
    loop_->ready(std::exchange(writer_, {}));
  }
}

void Stream::abort() {
  if (!aborted_) {
    aborted_ = true;
    ::shutdown(fd_, SHUT_RDWR);
    wake();
  }
}

void Stream::stop_receiving() {
  stopped_ = true;
  readable_ = true;
  if (reader_) {
    loop_->ready(std::exchange(reader_, {}));
  }
}

void Stream::detach() {
  loop_->unwatch(fd_, *this);
  watched_ = false;
}

void Stream::attach(Loop& loop) {
  loop_ = &loop;
  watched_ = loop_->watch(fd_, *this);
  if (!watched_) {
    abort();
  }
}

Chunk Stream::read(std::size_t limit) {
  if (aborted_) {
    return Chunk(Arrival::error);
  }
  if (stopped_) {
    return Chunk(Arrival::end);
  }
  return ssl_ != nullptr ? read_tls(limit) : read_plain(limit);
}

Chunk Stream::read_plain(std::size_t limit) {
  Block* block = loop_->buffers().borrow();
  std::size_t room = std::min(limit, kChunkSize);
  ssize_t count = 0;
  do {
    count = ::recv(fd_, block->bytes.data(), room, 0);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    // A short read emptied the socket: the next edge tells of more. A FIN behind it has no edge of
    // its own, but was seen with this one.
    readable_ = static_cast<std::size_t>(count) == room || peer_closed_;
    received_ += static_cast<std::uint64_t>(count);
    return {loop_->buffers(), block, static_cast<std::size_t>(count)};
  }
  int error = errno;
  loop_->buffers().give_back(block);
  if (count == 0) {
    return Chunk(Arrival::end);
  }
  if (error == EAGAIN || error == EWOULDBLOCK) {
    readable_ = false;
    return Chunk(Arrival::nothing);
  }
  return Chunk(Arrival::error);
}

Chunk Stream::read_tls(std::size_t limit) {
  Block* block = loop_->buffers().borrow();
  ERR_clear_error();
  int room = static_cast<int>(std::min(limit, kChunkSize));
  int count = SSL_read(ssl_, block->bytes.data(), room);
  if (count > 0) {
    received_ += static_cast<std::uint64_t>(count);
    return {loop_->buffers(), block, static_cast<std::size_t>(count)};
  }
  loop_->buffers().give_back(block);
  switch (SSL_get_error(ssl_, count)) {
    case SSL_ERROR_WANT_READ:
      readable_ = false;
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

Stream::Sent Stream::try_send(protocol::Outbox& outbox) {
  if (aborted_) {
    return Sent::failed;
  }
  Sent sent = ssl_ != nullptr ? send_tls(outbox) : send_plain(outbox);
  half_sent_ = sent == Sent::blocked;
  return sent;
}

Stream::Sent Stream::send_plain(protocol::Outbox& outbox) {
  while (!outbox.empty()) {
    std::array<iovec, kMaxPieces> pieces;
    std::size_t count = std::min(outbox.pieces(), kMaxPieces);
    std::size_t wanted = 0;
    for (std::size_t i = 0; i < count; ++i) {
      protocol::Bytes piece = outbox.piece(i);
      pieces[i] = {const_cast<std::uint8_t*>(piece.data()), piece.size()};
      wanted += piece.size();
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    ssize_t written = count == 1 ? ::send(fd_, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL)
                                 : ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        writable_ = false;
        return Sent::blocked;
      }
      return Sent::failed;
    }
    sent_ += static_cast<std::uint64_t>(written);
    outbox.consume(static_cast<std::size_t>(written));
    if (static_cast<std::size_t>(written) < wanted) {
      writable_ = false;
      return Sent::blocked;
    }
  }
  return Sent::all;
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
    sent_ += static_cast<std::uint64_t>(written);
    outbox.consume(static_cast<std::size_t>(written));
  }
  return Sent::all;
}

Task<bool> Stream::send(protocol::Outbox& outbox) {
  for (;;) {
    switch (try_send(outbox)) {
      case Sent::all:
        co_return true;
      case Sent::failed:
        co_return false;
      case Sent::blocked:
        co_await writable();
    }
  }
}

Task<bool> Stream::send(protocol::Buffer bytes) {
  protocol::Outbox outbox;
  outbox.borrow(bytes);
  co_return co_await send(outbox);
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

Task<protocol::Status> Stream::start_tls(ssl_ctx_st* context, Role role, std::string host) {
  ssl_ = SSL_new(context);
  if (ssl_ == nullptr || SSL_set_fd(ssl_, fd_) != 1) {
    co_return protocol::fail(protocol::FailureKind::tls_failed, "cannot start TLS",
                             tls_failure_text(ssl_));
  }
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

Task<void> Stream::close_politely() {
  stopped_ = false;
  if (!aborted_ && !peer_closed_) {
    if (ssl_ != nullptr && SSL_is_init_finished(ssl_) != 0) {
      ERR_clear_error();
      SSL_shutdown(ssl_);
    }
    ::shutdown(fd_, SHUT_WR);
    Timer timer(*loop_);
    timer.arm(loop_->now() + kLinger, [this] { abort(); });
    for (;;) {
      // What the peer still sends is of no interest, in whatever encoding.
      Chunk chunk = co_await receive();
      if (!chunk.has_data() && !chunk.spurious()) {
        break;
      }
    }
  }
  abort();
}

}  // namespace sluice::proxy
