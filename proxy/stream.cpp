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

namespace sluice::proxy {
namespace {

constexpr std::size_t kMaxPieces = 64;  // iovecs in one system call
constexpr auto kLinger = std::chrono::seconds(1);
// For a peer that is slow to read what it was sent last.
constexpr auto kLastSend = std::chrono::seconds(30);

}  // namespace

Stream::Stream(Loop& loop, int fd) : loop_(&loop), fd_(fd) {
  attach(loop);
}

Stream::~Stream() {
  if (watched_) {
    loop_->unwatch(fd_, *this);
  }
  drop_requests();
  SSL_free(ssl_);
  ::close(fd_);
}

void Stream::on_events(std::uint32_t events) {
  const bool both_ways = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (ahead_) {
    // The reader is told by on_received(), behind the bytes before the end.
    if (both_ways || (events & EPOLLRDHUP) != 0) {
      closed_by_peer(both_ways);
    }
    on_sent(0);
    watch_for_end();
    return;
  }
  if (both_ways || (events & EPOLLRDHUP) != 0) {
    closed_by_peer(both_ways);
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

void Stream::closed_by_peer(bool both_ways) {
  const bool news = !peer_closed_ || (both_ways && !hung_up_);
  peer_closed_ = true;
  hung_up_ = hung_up_ || both_ways;
  if (news && peer_watch_ != nullptr) {
    peer_watch_->peer_closed();
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
    if (sending_ != nullptr) {
      loop_->ring()->submit();  // what was said before goes out before
    }
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

void Stream::stop_sending() {
  if (sending_ != nullptr) {
    loop_->ring()->submit();  // what was said before goes out before
  }
  ::shutdown(fd_, SHUT_WR);
}

bool Stream::detach() {
  if (ahead_) {
    leaving_ = true;
    for (RingOp* op : {receiving_, sending_, watching_}) {
      if (op != nullptr) {
        loop_->ring()->cancel(op);
      }
    }
    return receiving_ == nullptr && sending_ == nullptr && watching_ == nullptr;
  }
  loop_->unwatch(fd_, *this);
  watched_ = false;
  return true;
}

void Stream::attach(Loop& loop) {
  loop_ = &loop;
  leaving_ = false;
  if (ahead_ && loop.ring() != nullptr) {
    if (reader_) {
      ask_for_more();
    }
    return;
  }
  ahead_ = false;
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
  if (ssl_ != nullptr) {
    return read_tls(limit);
  }
  return ahead_ ? read_arrived(limit) : read_plain(limit);
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

Stream::Sent Stream::try_send(protocol::Outbox& outbox) {
  if (aborted_ || broken_) {
    return Sent::failed;
  }
  Sent sent = ssl_ != nullptr ? send_tls(outbox) : ahead_ ? send_ahead(outbox) : send_plain(outbox);
  half_sent_ = sent == Sent::blocked;
  if (sent == Sent::blocked && ahead_ && sending_ == nullptr && !wait_for_room()) {
    return Sent::failed;
  }
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

// What has been taken over has left.
Task<void> Stream::sent_out() {
  while (sending_ != nullptr && !aborted_) {
    writable_ = false;
    co_await writable();
  }
}

Task<void> Stream::close_politely() {
  stopped_ = false;
  Timer timer(*loop_);
  if (!hung_up_) {
    timer.arm(loop_->now() + kLastSend, [this] { abort(); });
    co_await sent_out();
    if (!aborted_ && ssl_ != nullptr && SSL_is_init_finished(ssl_) != 0) {
      ERR_clear_error();
      SSL_shutdown(ssl_);
      co_await sent_out();
    }
  }
  if (!aborted_ && !peer_closed_) {
    timer.arm(loop_->now() + kLinger, [this] { abort(); });
    ::shutdown(fd_, SHUT_WR);
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
