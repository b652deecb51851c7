#include "proxy/ring.hpp"

#include <liburing.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "proxy/loop.hpp"

namespace sluice::proxy {
namespace {

constexpr unsigned kQueue = 1024;        // requests handed over at once
constexpr unsigned kCompletions = 8192;  // told at once; more are kept by the kernel
constexpr unsigned kMostLent = 4096;     // blocks, a power of two
constexpr std::size_t kLentAtFirst = 64;
constexpr unsigned kGroup = 0;

int set_up(io_uring& ring) {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED |
                 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  params.cq_entries = kCompletions;
  return io_uring_queue_init_params(kQueue, &ring, &params);
}

io_uring_buf_ring* make_buffer_ring(io_uring& ring, int& error) {
  const std::size_t size = kMostLent * sizeof(io_uring_buf);
  void* memory = std::aligned_alloc(4096, size);
  if (memory == nullptr) {
    error = -ENOMEM;
    return nullptr;
  }
  std::memset(memory, 0, size);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(memory);
  registration.ring_entries = kMostLent;
  registration.bgid = kGroup;
  error = io_uring_register_buf_ring(&ring, &registration, 0);
  if (error != 0) {
    std::free(memory);
    return nullptr;
  }
  return static_cast<io_uring_buf_ring*>(memory);
}

}  // namespace

struct Ring::SendOp final : RingOp {
  std::array<std::uint8_t, kMaxSend> bytes;
  std::size_t size = 0;
  std::size_t done = 0;
};

std::string Ring::unavailable() {
  io_uring ring{};
  int error = set_up(ring);
  if (error == -EPERM || error == -EACCES) {
    return "the system or the container's seccomp profile forbids io_uring";
  }
  if (error == -ENOSYS) {
    return "the kernel has no io_uring";
  }
  if (error == -EINVAL) {
    return "the kernel is older than Linux 6.1";
  }
  if (error != 0) {
    return std::string("io_uring cannot be set up: ") + std::strerror(-error);
  }
  io_uring_buf_ring* lent = make_buffer_ring(ring, error);
  io_uring_queue_exit(&ring);
  std::free(lent);
  return error == 0 ? "" : std::string("no buffers for io_uring: ") + std::strerror(-error);
}

Ring::Ring(Buffers& buffers)
    : buffers_(buffers), ring_(std::make_unique<io_uring>()), lent_wanted_(kLentAtFirst) {
  int error = set_up(*ring_);
  if (error != 0) {
    throw std::system_error(-error, std::generic_category(), "cannot set up io_uring");
  }
  lent_ring_ = make_buffer_ring(*ring_, error);
  if (lent_ring_ == nullptr) {
    io_uring_queue_exit(ring_.get());
    throw std::system_error(-error, std::generic_category(), "cannot set up io_uring's buffers");
  }
  lent_.resize(kMostLent);
  for (unsigned number = kMostLent; number > 0; --number) {
    free_numbers_.push_back(static_cast<std::uint16_t>(number - 1));
  }
}

Ring::~Ring() {
  io_uring_queue_exit(ring_.get());
  std::free(lent_ring_);
  for (Block* block : lent_) {
    delete block;
  }
}

void Ring::start() {
  if (!std::exchange(started_, true)) {
    // liburing 2.3 declares io_uring_enable_rings() and does not export it.
    ::syscall(__NR_io_uring_register, ring_->ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
    io_uring_register_ring_fd(ring_.get());
  }
}

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
  } else if (op.again) {
    io_uring_prep_poll_multishot(sqe, op.fd, op.events);
  } else {
    io_uring_prep_poll_add(sqe, op.fd, op.events);
  }
  io_uring_sqe_set_data(sqe, &op);
  op.batch = batch_;
  return true;
}

bool Ring::receive(RingOp*& slot, int fd, RingUser& user) {
  RingOp* op = make_op(RingOp::Kind::receive, fd);
  op->user = &user;
  if (!queue(*op)) {
    finish(op);
    return false;
  }
  op->slot = &slot;
  slot = op;
  return true;
}

bool Ring::watch(RingOp*& slot, int fd, Watched& watched, std::uint32_t events, bool again) {
  RingOp* op = make_op(RingOp::Kind::watch, fd);
  op->watched = &watched;
  op->events = events;
  op->again = again;
  if (!queue(*op)) {
    finish(op);
    return false;
  }
  op->slot = &slot;
  slot = op;
  return true;
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

// The kernel gets as many free blocks as it may need until it is asked again.
void Ring::replenish() {
  int added = 0;
  while (lent_count_ < lent_wanted_) {
    Block* block = buffers_.borrow();
    const std::uint16_t number = free_numbers_.back();
    free_numbers_.pop_back();
    lent_[number] = block;
    io_uring_buf_ring_add(lent_ring_, block->bytes.data(), kChunkSize, number,
                          io_uring_buf_ring_mask(kMostLent), added);
    ++lent_count_;
    ++added;
  }
  if (added > 0) {
    io_uring_buf_ring_advance(lent_ring_, added);
  }
}

}  // namespace sluice::proxy
