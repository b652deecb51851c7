#pragma once

// One connected socket, with or without TLS (OpenSSL driven by us on the descriptor), on one loop.
// It reads when the kernel says that there is something, into a borrowed chunk, and writes straight
// from an outbox. At most one coroutine reads and one writes at a time. Nothing is cancelled: a
// deadline calls abort(), which makes both fail.
//
// Where the loop has a ring, receive_ahead() makes the kernel receive by itself, and small writes
// leave with those of other streams at the end of the turn (stream_ahead.cpp).

#include <coroutine>
#include <cstdint>
#include <optional>
#include <string>

#include "protocol/certificate.hpp"
#include "protocol/outbox.hpp"
#include "protocol/result.hpp"
#include "proxy/buffers.hpp"
#include "proxy/loop.hpp"
#include "proxy/ring.hpp"
#include "proxy/task.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace sluice::proxy {

// Told when the peer closes, even while nobody reads. From within the dispatch of events: it may
// only set flags and wake coroutines.
class PeerWatch {
 public:
  virtual ~PeerWatch() = default;
  // Once for the FIN and once for the end of both ways (Stream::hung_up()), or for both at once.
  virtual void peer_closed() = 0;
};

class Stream final : private Watched, private RingUser {
 public:
  // Takes the descriptor, which is non-blocking and connected (or connecting). Where the kernel
  // cannot watch one more, the stream is aborted from the start.
  Stream(Loop& loop, int fd);
  ~Stream() override;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // co_await receive(limit): the next chunk, of at most `limit` bytes. It may be spurious(). A
  // stream that always has more lets others run after kBurst chunks.
  auto receive(std::size_t limit = kChunkSize) {
    struct Awaiter {
      Stream& stream;
      std::size_t limit;
      bool await_ready() const { return stream.readable_ && ++stream.burst_ < kBurst; }
      void await_suspend(std::coroutine_handle<> reader) {
        stream.burst_ = 0;
        if (stream.readable_) {
          stream.loop_->later(reader);
        } else {
          stream.reader_ = reader;
          if (stream.ahead_) {
            stream.ask_for_more();
          }
        }
      }
      Chunk await_resume() { return stream.read(limit); }
    };
    return Awaiter{*this, limit};
  }

  // From now on bytes may be received before receive() asks for them. Not before the end of a
  // login, which may turn to TLS. Without effect where the loop has no ring.
  void receive_ahead();

  enum class Sent : std::uint8_t { all, blocked, failed };
  // Writes as much as the kernel takes, consuming it from the outbox. When it receives ahead, `all`
  // may mean that the bytes have been taken over and leave before the loop waits.
  Sent try_send(protocol::Outbox& outbox);
  // Writes all of it, waiting where needed; false when the connection is broken.
  Task<bool> send(protocol::Outbox& outbox);
  Task<bool> send(protocol::Buffer bytes);
  // What was sent last is only half written: other bytes would end up in the middle of it.
  bool half_sent() const { return half_sent_ || sending_ != nullptr; }
  // co_await writable(): returns when the socket takes bytes again, or is broken.
  auto writable() {
    struct Awaiter {
      Stream& stream;
      bool await_ready() const { return stream.writable_ || stream.aborted_; }
      void await_suspend(std::coroutine_handle<> writer) { stream.writer_ = writer; }
      void await_resume() {}
    };
    return Awaiter{*this};
  }

  // co_await connecting(): returns when connect() has succeeded or failed.
  auto connecting() {
    writable_ = false;
    return writable();
  }

  enum class Role : std::uint8_t { client, server };
  // Shakes hands. `host` is for SNI and, where the context verifies it, the name to check.
  Task<protocol::Status> start_tls(ssl_ctx_st* context, Role role, std::string host);
  bool tls() const { return ssl_ != nullptr; }
  // Of a client of a context that verifies; empty when it has shown none.
  std::optional<protocol::PeerCertificate> peer_certificate() const;

  // Breaks the connection now: both sides' waits end with an error. Idempotent.
  void abort();
  bool aborted() const { return aborted_; }
  // The reader is told `end` from now on; writing goes on. For a connection that is to be closed
  // politely by the coroutine that reads it.
  void stop_receiving();
  // The peer is told that nothing follows what has been sent (FIN); reading goes on.
  void stop_sending();
  // The peer has reset the connection or closed both ways: writing is pointless.
  bool hung_up() const { return hung_up_; }
  void tell_when_closed(PeerWatch& watch) { peer_watch_ = &watch; }
  // Says goodbye (TLS close_notify, FIN), then reads until the peer closes or a second has passed,
  // so that our last bytes are not lost to a reset.
  Task<void> close_politely();

  // True while a reader waits for bytes to arrive: only then may the stream be moved.
  bool parked() const { return static_cast<bool>(reader_); }
  // To another worker's loop: detach on the thread of the old one, attach on that of the new one.
  // Nobody may be reading or writing but a reader that waits. False: the kernel has yet to let go;
  // try again in a later turn.
  [[nodiscard]] bool detach();
  void attach(Loop& loop);
  Loop& loop() { return *loop_; }
  int fd() const { return fd_; }

  std::uint64_t bytes_received() const { return received_; }
  std::uint64_t bytes_sent() const { return sent_; }

 private:
  static constexpr std::uint8_t kBurst = 16;

  void on_events(std::uint32_t events) override;
  void on_received(int result, Block* block) override;
  void on_sent(int error) override;
  void closed_by_peer(bool both_ways);
  void ask_for_more();
  void watch_for_end();
  Task<void> sent_out();
  Chunk read_arrived(std::size_t limit);
  Sent send_ahead(protocol::Outbox& outbox);
  bool wait_for_room();
  bool at_end() const { return ahead_ ? at_end_ : peer_closed_; }
  void drop_requests();
  struct Encrypted;  // stream_tls.cpp
  int take_encrypted(char* to, std::size_t size);
  int put_encrypted(const char* from, std::size_t size);
  void wake();
  Chunk read(std::size_t limit);
  Chunk read_plain(std::size_t limit);
  Chunk read_tls(std::size_t limit);
  Sent send_plain(protocol::Outbox& outbox);
  Sent send_tls(protocol::Outbox& outbox);
  bool shake_hands(int& outcome);

  Loop* loop_;
  int fd_;
  bool readable_ = true;  // as far as we know; a read finds out
  bool writable_ = true;
  bool peer_closed_ = false;  // FIN or worse was seen: reading never waits again
  bool hung_up_ = false;
  bool aborted_ = false;
  bool stopped_ = false;
  std::uint8_t burst_ = 0;  // chunks read without a wait in between
  bool watched_ = false;
  bool half_sent_ = false;
  bool ahead_ = false;            // receive_ahead() took effect
  bool at_end_ = false;           // ... and the end has been received, behind all bytes
  bool leaving_ = false;          // detach() has begun
  bool more_to_decrypt_ = false;  // the last encrypted read was as long as it could be
  bool broken_ = false;           // a write that was handed over has failed
  std::uint16_t queued_ = 0;      // blocks of arrived_
  // What the ring has been asked for and has not finished.
  RingOp* receiving_ = nullptr;
  RingOp* sending_ = nullptr;
  RingOp* watching_ = nullptr;  // for room to write, or for the end behind the peer's FIN
  Block* arrived_ = nullptr;    // the oldest first
  Block* last_arrived_ = nullptr;
  ssl_st* ssl_ = nullptr;
  PeerWatch* peer_watch_ = nullptr;
  std::coroutine_handle<> reader_;
  std::coroutine_handle<> writer_;
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
};

}  // namespace sluice::proxy
