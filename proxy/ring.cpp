#include "proxy/ring.hpp"

#include <liburing.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "proxy/loop.hpp"

namespace sluice::proxy {

struct Ring::SendOp final : RingOp {
  std::array<std::uint8_t, kMaxSend> bytes;
  std::size_t size = 0;
  std::size_t done = 0;
};

io_uring_sqe* Ring::next_sqe() {
  io_uring_sqe* sqe = io_uring_get_sqe(ring_.get());
  if (sqe == nullptr) {
    submit();
    sqe = io_uring_get_sqe(ring_.get());
  }
  return sqe;
}

void Ring::submit() {
  io_uring_submit(ring_.get());
  if (io_uring_sq_ready(ring_.get()) == 0) {
    ++batch_;
  }
}

RingOp* Ring::make_op(RingOp::Kind kind, int fd) {
  if (free_ops_.empty()) {
    free_ops_.push_back(all_.emplace_back(std::make_unique<RingOp>()).get());
  }
  RingOp* op = free_ops_.back();
  free_ops_.pop_back();
  op->kind = kind;
  op->fd = fd;
  return op;
}

Ring::SendOp* Ring::make_send() {
  if (free_sends_.empty()) {
    auto made = std::make_unique<SendOp>();
    made->kind = RingOp::Kind::send;
    free_sends_.push_back(made.get());
    all_.push_back(std::move(made));
  }
  SendOp* op = free_sends_.back();
  free_sends_.pop_back();
  return op;
}

// The kernel has let go of it.
void Ring::finish(RingOp* op) {
  if (op->slot != nullptr) {
    *op->slot = nullptr;
  }
  op->slot = nullptr;
  op->user = nullptr;
  op->watched = nullptr;
  op->listener = nullptr;
  if (op->kind == RingOp::Kind::send) {
    free_sends_.push_back(static_cast<SendOp*>(op));
  } else {
    free_ops_.push_back(op);
  }
}

bool Ring::queue(RingOp& op) {
  io_uring_sqe* sqe = next_sqe();
  if (sqe == nullptr) {
    return false;
  }
  if (op.kind == RingOp::Kind::receive) {
    io_uring_prep_recv_multishot(sqe, op.fd, nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = kGroup;
  } else if (op.kind == RingOp::Kind::accept) {
    io_uring_prep_multishot_accept(sqe, op.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  } else if (op.again) {
    io_uring_prep_poll_multishot(sqe, op.fd, op.events);
  } else {
    io_uring_prep_poll_add(sqe, op.fd, op.events);
  }
  io_uring_sqe_set_data(sqe, &op);
  op.batch = batch_;
  return true;
}

bool Ring::begin(RingOp& op, RingOp*& slot) {
  if (!queue(op)) {
    finish(&op);
    return false;
  }
  op.slot = &slot;
  slot = &op;
  return true;
}

bool Ring::receive(RingOp*& slot, int fd, RingUser& user) {
  RingOp* op = make_op(RingOp::Kind::receive, fd);
  op->user = &user;
  return begin(*op, slot);
}

bool Ring::watch(RingOp*& slot, int fd, Watched& watched, std::uint32_t events, bool again) {
  RingOp* op = make_op(RingOp::Kind::watch, fd);
  op->watched = &watched;
  op->events = events;
  op->again = again;
  return begin(*op, slot);
}

bool Ring::accept(RingOp*& slot, int fd, RingListener& listener) {
  RingOp* op = make_op(RingOp::Kind::accept, fd);
  op->listener = &listener;
  return begin(*op, slot);
}

void Ring::queue_send(SendOp& op, io_uring_sqe& sqe) {
  // MSG_WAITALL: the kernel goes on by itself when the socket takes only a part.
  io_uring_prep_send(&sqe, op.fd, op.bytes.data() + op.done, op.size - op.done,
                     MSG_NOSIGNAL | MSG_WAITALL);
  io_uring_sqe_set_data(&sqe, static_cast<RingOp*>(&op));
  op.batch = batch_;
}

std::uint8_t* Ring::send(RingOp*& slot, int fd, RingUser& user, std::size_t size) {
  SendOp* op = make_send();  // may throw: before a request is begun
  io_uring_sqe* sqe = next_sqe();
  if (sqe == nullptr) {
    finish(op);
    return nullptr;
  }
  op->fd = fd;
  op->size = size;
  op->done = 0;
  op->user = &user;
  op->slot = &slot;
  slot = op;
  queue_send(*op, *sqe);
  return op->bytes.data();
}

void Ring::cancel(RingOp* op) {
  io_uring_sqe* sqe = next_sqe();
  if (sqe != nullptr) {
    io_uring_prep_cancel64(sqe, reinterpret_cast<std::uint64_t>(op), 0);
    io_uring_sqe_set_data(sqe, nullptr);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  }
}

void Ring::drop(RingOp*& slot) {
  if (slot == nullptr) {
    return;
  }
  RingOp* op = std::exchange(slot, nullptr);
  op->slot = nullptr;
  op->user = nullptr;
  op->watched = nullptr;
  op->listener = nullptr;
  if (op->batch == batch_) {
    submit();  // before its descriptor's number can mean something else
  }
  cancel(op);
}

void Ring::wait(std::optional<std::chrono::nanoseconds> timeout) {
  replenish();
  if (timeout && timeout->count() <= 0) {
    io_uring_submit_and_get_events(ring_.get());
  } else {
    io_uring_cqe* first = nullptr;
    __kernel_timespec limit{};
    if (timeout) {
      limit.tv_sec = timeout->count() / 1'000'000'000;
      limit.tv_nsec = timeout->count() % 1'000'000'000;
    }
    io_uring_submit_and_wait_timeout(ring_.get(), &first, 1, timeout ? &limit : nullptr, nullptr);
  }
  if (io_uring_sq_ready(ring_.get()) == 0) {
    ++batch_;
  }
}

void Ring::dispatch() {
  unsigned head = 0;
  unsigned count = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(ring_.get(), head, cqe) {
    completed(*cqe);
    ++count;
  }
  io_uring_cq_advance(ring_.get(), count);
}

void Ring::completed(const io_uring_cqe& cqe) {
  auto* op = static_cast<RingOp*>(io_uring_cqe_get_data(&cqe));
  if (op == nullptr) {
    return;  // of a cancel that came too late
  }
  switch (op->kind) {
    case RingOp::Kind::receive:
      received(*op, cqe);
      break;
    case RingOp::Kind::send:
      sent(static_cast<SendOp&>(*op), cqe.res);
      break;
    case RingOp::Kind::watch:
      seen(*op, cqe);
      break;
    case RingOp::Kind::accept:
      accepted(*op, cqe);
      break;
  }
}

void Ring::received(RingOp& op, const io_uring_cqe& cqe) {
  Block* block = nullptr;
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) {
    const auto number = static_cast<std::uint16_t>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
    block = std::exchange(lent_[number], nullptr);
    free_numbers_.push_back(number);
    --lent_count_;
  }
  RingUser* user = op.user;
  if ((cqe.flags & IORING_CQE_F_MORE) == 0) {
    finish(&op);
  }
  if (cqe.res == -ENOBUFS) {
    lent_wanted_ = std::min<std::size_t>(lent_wanted_ * 2, kMostLent);
    lent_least_ = replenished_ = 0;
  }
  if (user == nullptr || cqe.res <= 0) {
    if (block != nullptr) {
      buffers_.give_back(block);
      block = nullptr;
    }
  }
  if (user != nullptr) {
    user->on_received(cqe.res, block);
  }
}

void Ring::sent(SendOp& op, int result) {
  if (result > 0) {
    op.done += static_cast<std::size_t>(result);
    if (op.done < op.size && op.user != nullptr) {
      if (io_uring_sqe* sqe = next_sqe(); sqe != nullptr) {
        queue_send(op, *sqe);
        return;
      }
      result = -ENOBUFS;
    }
  }
  RingUser* user = op.user;
  finish(&op);
  if (user != nullptr) {
    user->on_sent(std::min(result, 0));
  }
}

void Ring::seen(RingOp& op, const io_uring_cqe& cqe) {
  Watched* watched = op.watched;
  const bool ended = (cqe.flags & IORING_CQE_F_MORE) == 0;
  const std::uint32_t events =
      cqe.res < 0 ? std::uint32_t{POLLERR} : static_cast<std::uint32_t>(cqe.res);
  if (ended) {
    // A watch that is to go on is asked for again, unless there is nothing more to come.
    const bool over = !op.again || (events & (POLLERR | POLLHUP)) != 0;
    if (watched == nullptr || over || !queue(op)) {
      finish(&op);
    }
  }
  if (watched != nullptr && cqe.res != -ECANCELED) {
    watched->on_events(events);
  }
}

void Ring::accepted(RingOp& op, const io_uring_cqe& cqe) {
  RingListener* listener = op.listener;
  if ((cqe.flags & IORING_CQE_F_MORE) == 0) {
    finish(&op);
  }
  if (listener != nullptr) {
    listener->on_accepted(cqe.res);
  } else if (cqe.res >= 0) {
    ::close(cqe.res);  // it came while the listener went
  }
}

}  // namespace sluice::proxy
