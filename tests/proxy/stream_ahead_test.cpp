// Streams whose loop has a ring: what arrives before anybody reads, and writes that leave later.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "pollers.hpp"
#include "proxy/stream.hpp"

namespace sluice::proxy {
namespace {

using protocol::as_bytes;
using protocol::as_text;
using std::chrono::milliseconds;

// Both ends of a TCP connection over the loopback; the first is not blocking.
void connect_pair(int fds[2]) {
  int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(listener, any, length), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, any, &length), 0);
  fds[1] = ::socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(::connect(fds[1], any, length), 0);
  fds[0] = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
  ASSERT_GE(fds[0], 0);
  ::close(listener);
}

struct StreamAheadTest : testing::Test {
  void SetUp() override {
    if (loop.ring() == nullptr) {
      GTEST_SKIP() << Ring::unavailable();
    }
    int fds[2];
    connect_pair(fds);
    stream = std::make_unique<Stream>(loop, fds[0]);
    stream->receive_ahead();
    peer = fds[1];
  }
  void TearDown() override {
    stream.reset();
    if (peer >= 0) {
      ::close(peer);
    }
  }

  void give(const std::string& text) const {
    ASSERT_EQ(::send(peer, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  // Waits for as many bytes.
  std::string taken(std::size_t size) const {
    std::string text(size, '\0');
    ssize_t count = ::recv(peer, text.data(), text.size(), MSG_WAITALL);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }
  Stream::Sent say(const std::string& text) {
    protocol::Outbox outbox;
    outbox.own(as_bytes(text));
    return stream->try_send(outbox);
  }
  // A few turns, for what the kernel has to tell.
  void turn(milliseconds time = milliseconds(20)) {
    Timer end(loop);
    end.arm(Clock::now() + time, [this] { loop.stop(); });
    loop.run();
  }

  Loop loop{possible(Poller::io_uring)};
  Gate gate;
  std::unique_ptr<Stream> stream;
  int peer = -1;
};

Task<void> write_all(Stream& stream, protocol::Outbox& outbox, bool& ok) {
  ok = co_await stream.send(outbox);
}

TEST_F(StreamAheadTest, HandsOutWhatHasArrivedInOrderAndThenTheEnd) {
  std::string got;
  Arrival last = Arrival::nothing;
  give("before ");
  spawn(gate, read_all(*stream, got, last, kChunkSize));
  turn();
  EXPECT_EQ(got, "before ");
  give("after");
  ::shutdown(peer, SHUT_WR);
  loop.run();
  EXPECT_EQ(got, "before after");
  EXPECT_EQ(last, Arrival::end);
  EXPECT_FALSE(stream->hung_up()) << "the peer has closed one way only";
  EXPECT_EQ(stream->bytes_received(), 12U);
}

TEST_F(StreamAheadTest, ReadsNoMoreThanAskedForAlthoughMoreHasArrived) {
  std::string got;
  Arrival last = Arrival::nothing;
  give("abcdefg");
  ::shutdown(peer, SHUT_WR);
  spawn(gate, read_all(*stream, got, last, 3));
  loop.run();
  EXPECT_EQ(got, "abcdefg");
  EXPECT_EQ(last, Arrival::end);
}

TEST_F(StreamAheadTest, WhatABusyReaderLeavesIsBoundedAndNothingIsLost) {
  std::string got;
  Arrival last = Arrival::nothing;
  const std::string big(std::size_t{16} << 20U, 'x');
  struct Busy {
    static Task<void> read_one(Stream& stream, std::string& got) {
      Chunk chunk = co_await stream.receive();
      got += as_text(chunk.bytes());
    }
  };
  std::thread writer([&] { give(big); });
  spawn(gate, Busy::read_one(*stream, got));
  turn(milliseconds(100));
  EXPECT_LT(stream->bytes_received(), std::size_t{4} << 20U) << "nobody reads: the kernel stops";
  spawn(gate, read_all(*stream, got, last, kChunkSize));
  Timer end(loop);
  std::function<void()> close_when_read = [&] {
    if (got.size() == big.size()) {
      ::shutdown(peer, SHUT_WR);
    } else {
      end.arm(loop.now() + milliseconds(1), close_when_read);
    }
  };
  close_when_read();
  loop.run();
  writer.join();
  EXPECT_EQ(got, big);
  EXPECT_EQ(last, Arrival::end);
}

TEST_F(StreamAheadTest, SmallWritesLeaveWithTheTurnAndKeepTheirOrder) {
  EXPECT_EQ(say("one "), Stream::Sent::all);
  EXPECT_TRUE(stream->half_sent()) << "it has only been taken over";
  EXPECT_EQ(say("two "), Stream::Sent::blocked) << "one at a time";
  bool ok = false;
  protocol::Outbox outbox;
  outbox.own(as_bytes("two "));
  outbox.own(as_bytes("three"));
  spawn(gate, write_all(*stream, outbox, ok));
  EXPECT_FALSE(ok);
  turn();
  EXPECT_TRUE(ok);
  EXPECT_FALSE(stream->half_sent());
  EXPECT_EQ(taken(13), "one two three");
}

TEST_F(StreamAheadTest, LargeAndSmallWritesToASlowReaderKeepTheirOrder) {
  const std::string big(std::size_t{8} << 20U, 'x');
  EXPECT_EQ(say("first "), Stream::Sent::all);
  bool ok = false;
  protocol::Outbox outbox;
  outbox.borrow(as_bytes(big));
  spawn(gate, write_all(*stream, outbox, ok));
  std::string got;
  std::thread reader([&] { got = taken(6 + big.size() + 5); });
  while (!ok) {
    turn();
  }
  EXPECT_EQ(say(" last"), Stream::Sent::all);
  turn();
  reader.join();
  EXPECT_EQ(got, "first " + big + " last");
}

TEST_F(StreamAheadTest, WhatWasSaidBeforeAnAbortGoesOut) {
  turn();
  EXPECT_EQ(say("goodbye"), Stream::Sent::all);
  stream->abort();
  EXPECT_EQ(taken(7), "goodbye");
  EXPECT_EQ(taken(1), "") << "and then the end";
}

TEST_F(StreamAheadTest, APoliteCloseSendsWhatIsUnderWay) {
  struct Close {
    static Task<void> run(Stream& stream) { co_await stream.close_politely(); }
  };
  EXPECT_EQ(say("the reason"), Stream::Sent::all);
  give("unread");
  spawn(gate, Close::run(*stream));
  turn();
  EXPECT_EQ(taken(10), "the reason");
  EXPECT_EQ(taken(1), "");
  ::shutdown(peer, SHUT_RDWR);
  turn();
  EXPECT_TRUE(stream->aborted());
  EXPECT_TRUE(gate.empty());
}

TEST_F(StreamAheadTest, AResetIsAnErrorToReaderAndWriter) {
  std::string got;
  Arrival last = Arrival::nothing;
  spawn(gate, read_all(*stream, got, last, kChunkSize));
  turn();
  const linger at_once{1, 0};
  ::setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(std::exchange(peer, -1));
  loop.run();
  EXPECT_EQ(last, Arrival::error);
  EXPECT_TRUE(stream->hung_up());
  EXPECT_EQ(say("too late"), Stream::Sent::all) << "not known yet";
  turn();
  EXPECT_EQ(say("too late"), Stream::Sent::failed);
}

TEST_F(StreamAheadTest, SeesAResetBehindTheEndWithoutReading) {
  std::string got;
  Arrival last = Arrival::nothing;
  ::shutdown(peer, SHUT_WR);
  spawn(gate, read_all(*stream, got, last, kChunkSize));
  loop.run();
  EXPECT_EQ(last, Arrival::end);
  EXPECT_FALSE(stream->hung_up());
  const linger at_once{1, 0};
  ::setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(std::exchange(peer, -1));
  turn();
  EXPECT_TRUE(stream->hung_up());
}

TEST_F(StreamAheadTest, MovesToAnotherLoopWithItsReaderWaiting) {
  std::string got;
  Arrival last = Arrival::nothing;
  spawn(gate, read_all(*stream, got, last, kChunkSize));
  turn();
  Loop other(Poller::io_uring);
  int tries = 1;
  while (!stream->detach()) {
    turn(milliseconds(1));
    ++tries;
  }
  EXPECT_GT(tries, 1) << "the kernel had been asked to receive";
  give("on the other loop");
  turn();
  EXPECT_EQ(got, "");
  stream->attach(other);
  ::shutdown(peer, SHUT_WR);
  other.run();
  EXPECT_EQ(got, "on the other loop");
  EXPECT_EQ(last, Arrival::end);
  stream.reset();  // before the loop that it is on
}

TEST_F(StreamAheadTest, OneThatIsDestroyedTakesItsRequestsWithIt) {
  std::string other_got;
  Arrival other_last = Arrival::nothing;
  for (int i = 0; i < 50; ++i) {
    // Asked for and not handed over yet when its descriptor's number goes to the next one.
    int fds[2];
    connect_pair(fds);
    auto brief = std::make_unique<Stream>(loop, fds[0]);
    brief->receive_ahead();
    protocol::Outbox outbox;
    outbox.own(as_bytes("of the brief one"));
    EXPECT_EQ(brief->try_send(outbox), Stream::Sent::all);
    brief->abort();
    brief.reset();
    ::close(fds[1]);
  }
  spawn(gate, read_all(*stream, other_got, other_last, kChunkSize));
  give("mine");
  ::shutdown(peer, SHUT_WR);
  loop.run();
  EXPECT_EQ(other_got, "mine");
}

}  // namespace
}  // namespace sluice::proxy
