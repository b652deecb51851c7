#include "proxy/stream.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "pollers.hpp"

namespace sluice::proxy {
namespace {

using protocol::as_bytes;
using protocol::as_text;

// A stream on one end of a socket pair; the test holds the other, as the peer. The same whatever
// the loop waits in.
struct StreamTest : WithPoller {
  StreamTest() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    stream = std::make_unique<Stream>(loop, fds[0]);
    peer = fds[1];
  }
  ~StreamTest() override {
    stream.reset();
    ::close(peer);
  }

  void give(const std::string& text) {
    ASSERT_EQ(::send(peer, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  std::string taken(std::size_t limit = 1 << 20) {
    std::string text(limit, '\0');
    ssize_t count = ::recv(peer, text.data(), text.size(), 0);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }

  Gate gate;
  std::unique_ptr<Stream> stream;
  int peer = -1;
};

TEST_P(StreamTest, HandsOutWhatArrivesUntilTheEnd) {
  std::string got;
  Arrival last = Arrival::nothing;
  give("hello ");
  spawn(gate, read_all(*stream, got, last, kChunkSize));
  EXPECT_EQ(got, "hello ");
  EXPECT_EQ(last, Arrival::data) << "a short read emptied the socket: it waits";
  give("world");
  ::shutdown(peer, SHUT_WR);
  loop.run();
  EXPECT_EQ(got, "hello world");
  EXPECT_EQ(last, Arrival::end);
  EXPECT_EQ(stream->bytes_received(), 11U);
}

TEST_P(StreamTest, ReadsNoMoreThanAskedFor) {
  std::string got;
  Arrival last = Arrival::nothing;
  give("abcdef");
  Loop& home = loop;
  struct One {
    static Task<void> read(Stream& stream, std::string& out, Loop&) {
      Chunk chunk = co_await stream.receive(2);
      out = as_text(chunk.bytes());
    }
  };
  spawn(gate, One::read(*stream, got, home));
  EXPECT_EQ(got, "ab");
  got.clear();
  ::shutdown(peer, SHUT_WR);
  spawn(gate, read_all(*stream, got, last, 3));
  loop.run();
  EXPECT_EQ(got, "cdef");
}

TEST_P(StreamTest, TellsOfAPeerThatClosesWhileNobodyReads) {
  struct Watch final : PeerWatch {
    Watch(Stream& watched, int other) : stream(watched), other_end(other) {}
    void peer_closed() override {
      trace += stream.hung_up() ? "gone" : "fin ";
      if (stream.hung_up()) {
        stream.loop().stop();
      } else {
        stream.loop().call([this] { ::shutdown(other_end, SHUT_RD); });
      }
    }
    Stream& stream;
    int other_end;
    std::string trace;
  };
  Watch watch(*stream, peer);
  stream->tell_when_closed(watch);
  give("not read by anybody");
  ::shutdown(peer, SHUT_WR);
  loop.run();
  EXPECT_EQ(watch.trace, "fin gone") << "each once";
}

Task<void> write_all(Stream& stream, protocol::Outbox& outbox, bool& ok) {
  ok = co_await stream.send(outbox);
  stream.loop().stop();
}

TEST_P(StreamTest, WaitsForASlowReaderAndKeepsTheOrder) {
  const std::string big(std::size_t{4} << 20U, 'x');
  protocol::Outbox outbox;
  outbox.own(as_bytes("first "));
  outbox.borrow(as_bytes(big));
  outbox.own(as_bytes(" last"));
  bool ok = false;
  spawn(gate, write_all(*stream, outbox, ok));
  EXPECT_FALSE(gate.empty()) << "the socket cannot take it all at once";
  std::string got;
  Timer drain(loop);
  std::function<void()> read_some = [&] {
    got += taken();
    drain.arm(loop.now(), read_some);
  };
  read_some();
  loop.run();
  got += taken();
  EXPECT_TRUE(ok);
  EXPECT_TRUE(gate.empty());
  EXPECT_EQ(got, "first " + big + " last");
}

TEST_P(StreamTest, AbortEndsTheWaitsOfBothSides) {
  const std::string big(std::size_t{4} << 20U, 'x');
  protocol::Outbox outbox;
  outbox.borrow(as_bytes(big));
  bool ok = true;
  std::string got;
  Arrival last = Arrival::nothing;
  spawn(gate, write_all(*stream, outbox, ok));
  spawn(gate, read_all(*stream, got, last, kChunkSize));
  stream->abort();
  loop.run();
  EXPECT_TRUE(gate.empty());
  EXPECT_FALSE(ok);
  EXPECT_EQ(last, Arrival::error);
}

TEST_P(StreamTest, StopReceivingLeavesWritingAlone) {
  std::string got;
  Arrival last = Arrival::nothing;
  spawn(gate, read_all(*stream, got, last, kChunkSize));
  stream->stop_receiving();
  loop.run();
  EXPECT_EQ(last, Arrival::end);
  protocol::Outbox outbox;
  outbox.own(as_bytes("bye"));
  EXPECT_EQ(stream->try_send(outbox), Stream::Sent::all);
  EXPECT_EQ(taken(), "bye");
}

Task<void> close(Stream& stream) {
  co_await stream.close_politely();
  stream.loop().stop();
}

TEST_P(StreamTest, APoliteCloseLetsThePeerReadEverything) {
  protocol::Outbox outbox;
  outbox.own(as_bytes("the reason"));
  ASSERT_EQ(stream->try_send(outbox), Stream::Sent::all);
  give("unread");
  spawn(gate, close(*stream));
  EXPECT_EQ(taken(), "the reason");
  ::shutdown(peer, SHUT_RDWR);
  loop.run();
  EXPECT_TRUE(stream->aborted());
  EXPECT_TRUE(gate.empty());
}

TEST_P(StreamTest, MovesToAnotherLoopWithItsReaderWaiting) {
  std::string got;
  Arrival last = Arrival::nothing;
  spawn(gate, read_all(*stream, got, last, kChunkSize));
  Loop other(possible(GetParam()));
  ASSERT_TRUE(stream->detach());
  give("on the other loop");
  stream->attach(other);
  ::shutdown(peer, SHUT_WR);
  other.run();
  EXPECT_EQ(got, "on the other loop");
  EXPECT_EQ(last, Arrival::end);
  stream.reset();  // before the loop that it is on
}

INSTANTIATE_TEST_SUITE_P(Both, StreamTest, testing::Values(Poller::epoll, Poller::io_uring),
                         poller_of);

}  // namespace
}  // namespace sluice::proxy
