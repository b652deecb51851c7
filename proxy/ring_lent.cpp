// How a ring is made and goes, and the blocks of its loop's buffers that the kernel holds.

#include <liburing.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "proxy/ring.hpp"

namespace sluice::proxy {
namespace {

constexpr unsigned kQueue = 1024;        // requests handed over at once
constexpr unsigned kCompletions = 8192;  // told at once; more are kept by the kernel
constexpr std::uint32_t kShrinkTurns = 4096;

int set_up(io_uring& ring) {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED |
                 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  params.cq_entries = kCompletions;
  return io_uring_queue_init_params(kQueue, &ring, &params);
}

io_uring_buf_ring* make_buffer_ring(io_uring& ring, unsigned entries, unsigned group, int& error) {
  const std::size_t size = entries * sizeof(io_uring_buf);
  void* memory = std::aligned_alloc(4096, size);
  if (memory == nullptr) {
    error = -ENOMEM;
    return nullptr;
  }
  std::memset(memory, 0, size);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(memory);
  registration.ring_entries = entries;
  registration.bgid = group;
  error = io_uring_register_buf_ring(&ring, &registration, 0);
  if (error != 0) {
    std::free(memory);
    return nullptr;
  }
  return static_cast<io_uring_buf_ring*>(memory);
}

}  // namespace

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
  io_uring_buf_ring* lent = make_buffer_ring(ring, kMostLent, kGroup, error);
  io_uring_queue_exit(&ring);
  std::free(lent);
  return error == 0 ? "" : std::string("no buffers for io_uring: ") + std::strerror(-error);
}

Ring::Ring(Buffers& buffers) : buffers_(buffers), ring_(std::make_unique<io_uring>()) {
  int error = set_up(*ring_);
  if (error != 0) {
    throw std::system_error(-error, std::generic_category(), "cannot set up io_uring");
  }
  lent_ring_ = make_buffer_ring(*ring_, kMostLent, kGroup, error);
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

// After a burst: blocks that no turn has needed for a while are not lent again when the kernel has
// given them back.
void Ring::shrink() {
  lent_least_ = replenished_ == 0 ? lent_count_ : std::min(lent_least_, lent_count_);
  if (++replenished_ == kShrinkTurns) {
    if (lent_least_ > lent_wanted_ / 2) {
      lent_wanted_ = std::max(lent_wanted_ / 2, kLentAtFirst);
    }
    replenished_ = 0;
  }
}

// The kernel gets as many free blocks as it may need until it is asked again.
void Ring::replenish() {
  shrink();
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
