#pragma once

// One io_uring for one loop (io_uring(7), by liburing; ADR 4). What sockets want is queued in
// memory and handed to the kernel by the one system call that also waits: sends of all sessions of
// a turn leave together. Receiving and accepting are asked for once (multishot) and go on by
// themselves; the kernel
// picks a block of the loop's buffers when bytes arrive, so one who waits owns none.
//
// All of it is for the loop's thread, except the constructor. Needs Linux 6.1.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/buffers.hpp"

struct io_uring;
struct io_uring_sqe;
struct io_uring_cqe;
struct io_uring_buf_ring;

namespace sluice::proxy {

class Watched;

// What a socket is told. It may only set flags and call Loop::ready().
class RingUser {
 public:
  virtual ~RingUser() = default;
  // `result` > 0: as many bytes have arrived in `block`, which is the callee's. 0: the peer has
  // closed its side. < 0: -errno. At 0 and below there is no block.
  virtual void on_received(int result, Block* block) = 0;
  // All of it is written (0), or the connection is broken (-errno).
  virtual void on_sent(int error) = 0;
};

// Who accepts connections. The same rule.
class RingListener {
 public:
  virtual ~RingListener() = default;
  // `result` >= 0: a connection, whose descriptor is the callee's; its peer has to be asked for.
  // < 0: -errno, and nothing more is accepted until it is asked for again.
  virtual void on_accepted(int result) = 0;
};

// Something that the kernel has been asked for and not finished. Owned by the ring. Who asked has a
// pointer to it, which the ring sets to null when it has finished.
struct RingOp {
  enum class Kind : std::uint8_t { receive, send, watch, accept };
  Kind kind = Kind::watch;
  bool again = false;       // watch: until dropped
  std::uint32_t batch = 0;  // that it was queued in
  int fd = -1;
  std::uint32_t events = 0;          // watch: POLLIN...
  RingOp** slot = nullptr;           // null: nobody wants to know any more
  RingUser* user = nullptr;          // receive, send
  Watched* watched = nullptr;        // watch
  RingListener* listener = nullptr;  // accept
  virtual ~RingOp() = default;
};

class Ring {
 public:
  // The largest message that is sent by way of the ring; larger ones are written at once.
  static constexpr std::size_t kMaxSend = 8192;

  // Why there can be no ring in this process; empty when there can.
  static std::string unavailable();

  // Throws std::system_error where unavailable() would have said why.
  explicit Ring(Buffers& buffers);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // From now on the calling thread is the loop's.
  void start();

  // Each is false when the kernel takes no more requests. `slot` must be null and stay where it is.
  [[nodiscard]] bool receive(RingOp*& slot, int fd, RingUser& user);
  // Where `size` <= kMaxSend bytes are to be put before the next call; null: see above.
  [[nodiscard]] std::uint8_t* send(RingOp*& slot, int fd, RingUser& user, std::size_t size);
  // Accepts non-blocking connections until it fails (multishot).
  [[nodiscard]] bool accept(RingOp*& slot, int fd, RingListener& listener);
  // poll(2): tells `watched` of each change of the descriptor, or, unless `again`, of the first.
  [[nodiscard]] bool watch(RingOp*& slot, int fd, Watched& watched, std::uint32_t events,
                           bool again);
  // Asks the kernel to finish it early. The slot is set to null when it has.
  void cancel(RingOp* op);
  // The same for one who is about to go or to close the descriptor: it is told nothing more.
  void drop(RingOp*& slot);
  // Hands over what is queued, now. For one who is about to shut a socket down behind a send.
  void submit();

  // Hands over what is queued and waits for something to happen, at most for `timeout` (none: for
  // ever).
  void wait(std::optional<std::chrono::nanoseconds> timeout);
  // Tells everybody what has happened.
  void dispatch();

 private:
  struct SendOp;

  io_uring_sqe* next_sqe();
  bool queue(RingOp& op);
  // The same for one that is new; `slot` points to it from then on. False: it is let go.
  bool begin(RingOp& op, RingOp*& slot);
  void queue_send(SendOp& op, io_uring_sqe& sqe);
  RingOp* make_op(RingOp::Kind kind, int fd);
  SendOp* make_send();
  void finish(RingOp* op);
  void completed(const io_uring_cqe& cqe);
  void received(RingOp& op, const io_uring_cqe& cqe);
  void sent(SendOp& op, int result);
  void seen(RingOp& op, const io_uring_cqe& cqe);
  void accepted(RingOp& op, const io_uring_cqe& cqe);
  // ring_lent.cpp
  void replenish();
  void shrink();

  static constexpr unsigned kMostLent = 4096;  // blocks, a power of two
  static constexpr std::size_t kLentAtFirst = 64;
  static constexpr unsigned kGroup = 0;  // of buffers, in the kernel's terms

  Buffers& buffers_;
  std::unique_ptr<io_uring> ring_;
  bool started_ = false;
  std::uint32_t batch_ = 0;  // counts the times that everything queued was handed over

  // Blocks lent to the kernel, by their number in the buffer ring.
  io_uring_buf_ring* lent_ring_ = nullptr;
  std::vector<Block*> lent_;
  std::vector<std::uint16_t> free_numbers_;
  std::size_t lent_count_ = 0;
  std::size_t lent_wanted_ = kLentAtFirst;
  std::size_t lent_least_ = 0;  // the fewest that were left when it was replenished
  std::uint32_t replenished_ = 0;

  std::vector<std::unique_ptr<RingOp>> all_;
  std::vector<RingOp*> free_ops_;
  std::vector<SendOp*> free_sends_;
};

}  // namespace sluice::proxy
