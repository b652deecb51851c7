// A stream whose loop has a ring: the kernel receives into blocks of its own choice before anybody
// reads, and small writes are copied and leave together with those of other streams.

#include <openssl/ssl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "proxy/stream.hpp"

namespace sluice::proxy {
namespace {

// Blocks that may wait for a reader who is busy; then the kernel is told to stop. What it had
// received by then, at most 32 blocks more, is kept.
constexpr std::uint16_t kMostQueued = 4;

}  // namespace

void Stream::receive_ahead() {
  if (loop_->ring() == nullptr || ahead_ || aborted_) {
    return;
  }
  loop_->unwatch(fd_, *this);
  watched_ = false;
  ahead_ = true;
  readable_ = ssl_ != nullptr && SSL_has_pending(ssl_) != 0;
}

void Stream::ask_for_more() {
  if (receiving_ == nullptr && !leaving_ && !loop_->ring()->receive(receiving_, fd_, *this)) {
    abort();
  }
}

void Stream::on_received(int result, Block* block) {
  if (result > 0) {
    block->begin = 0;
    block->end = static_cast<std::uint32_t>(result);
    block->next = nullptr;
    (arrived_ == nullptr ? arrived_ : last_arrived_->next) = block;
    last_arrived_ = block;
    received_ += static_cast<std::uint64_t>(result);
    if (++queued_ >= kMostQueued && receiving_ != nullptr) {
      loop_->ring()->cancel(receiving_);
    }
  } else if (result == -ENOBUFS || result == -ECANCELED) {
    if (reader_) {
      ask_for_more();
    } else {
      watch_for_end();
    }
    return;
  } else {
    at_end_ = true;
    closed_by_peer(result < 0);
    watch_for_end();
  }
  readable_ = true;
  if (reader_) {
    loop_->ready(std::exchange(reader_, {}));
  }
}

// Of the peer's side while nothing is being received, and behind a FIN of the other side.
void Stream::watch_for_end() {
  if (receiving_ != nullptr || watching_ != nullptr || leaving_ || aborted_ || hung_up_) {
    return;
  }
  const std::uint32_t events = peer_closed_ ? 0 : POLLRDHUP;  // the end of both ways is always told
  if (!loop_->ring()->watch(watching_, fd_, *this, events, false)) {
    closed_by_peer(true);
  }
}

Chunk Stream::read_arrived(std::size_t limit) {
  Block* block = arrived_;
  if (block == nullptr) {
    if (at_end_) {
      return Chunk(hung_up_ ? Arrival::error : Arrival::end);
    }
    readable_ = false;
    return Chunk(Arrival::nothing);
  }
  const std::size_t size = block->end - block->begin;
  if (size > limit) {
    Block* part = loop_->buffers().borrow();
    std::copy_n(block->bytes.data() + block->begin, limit, part->bytes.data());
    block->begin += static_cast<std::uint32_t>(limit);
    return {loop_->buffers(), part, limit};
  }
  arrived_ = block->next;
  --queued_;
  readable_ = arrived_ != nullptr || at_end_;
  return {loop_->buffers(), block};
}

Stream::Sent Stream::send_ahead(protocol::Outbox& outbox) {
  if (outbox.empty()) {
    return Sent::all;
  }
  if (sending_ != nullptr) {
    writable_ = false;  // on_sent() sets it
    return Sent::blocked;
  }
  const std::size_t size = outbox.size();
  if (size <= Ring::kMaxSend) {
    std::uint8_t* to = loop_->ring()->send(sending_, fd_, *this, size);
    if (to == nullptr) {
      return Sent::failed;
    }
    for (std::size_t i = 0; i < outbox.pieces(); ++i) {
      protocol::Bytes piece = outbox.piece(i);
      to = std::copy(piece.begin(), piece.end(), to);
    }
    sent_ += size;
    outbox.clear();
    return Sent::all;
  }
  return send_plain(outbox);
}

// on_events() tells.
bool Stream::wait_for_room() {
  loop_->ring()->drop(watching_);
  return loop_->ring()->watch(watching_, fd_, *this, POLLOUT, false);
}

void Stream::on_sent(int error) {
  broken_ = broken_ || error < 0;
  if (error < 0 && error != -EPIPE && error != -ECONNRESET && error != -ETIMEDOUT) {
    abort();  // for want of memory: what was taken over is lost, and nothing else would tell
  }
  writable_ = true;
  if (writer_) {
    loop_->ready(std::exchange(writer_, {}));
  }
}

void Stream::drop_requests() {
  if (ahead_) {
    for (RingOp** slot : {&receiving_, &sending_, &watching_}) {
      loop_->ring()->drop(*slot);
    }
  }
  while (arrived_ != nullptr) {
    loop_->buffers().give_back(std::exchange(arrived_, arrived_->next));
  }
}

}  // namespace sluice::proxy
