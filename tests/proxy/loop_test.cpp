#include "proxy/loop.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "pollers.hpp"
#include "proxy/task.hpp"
#include "proxy/turn.hpp"

namespace sluice::proxy {
namespace {

using std::chrono::milliseconds;

struct LoopTest : WithPoller {
  Gate gate;
  std::string trace;

  void run() {
    loop.call([] {});
    loop.run();
  }
};

TEST_P(LoopTest, CallsFromAnotherThreadRunInOrderOnTheLoopsThread) {
  std::thread other([&] {
    for (char c : std::string("abc")) {
      loop.call([&, c] {
        EXPECT_TRUE(loop.on_this_thread());
        trace += c;
      });
    }
    loop.call([&] { loop.stop(); });
  });
  loop.run();
  other.join();
  EXPECT_EQ(trace, "abc");
}

TEST_P(LoopTest, TimersFireInTheOrderOfTheirDeadlines) {
  Timer late(loop);
  Timer early(loop);
  Timer never(loop);
  late.arm(loop.now() + milliseconds(2), [&] {
    trace += "late";
    loop.stop();
  });
  early.arm(loop.now() + milliseconds(1), [&] { trace += "early "; });
  never.arm(loop.now() + milliseconds(1), [&] { trace += "never"; });
  never.cancel();
  loop.run();
  EXPECT_EQ(trace, "early late");
  EXPECT_FALSE(late.armed());
}

TEST_P(LoopTest, ATimerMayRearmItself) {
  Timer timer(loop);
  int left = 3;
  std::function<void()> tick = [&] {
    if (--left > 0) {
      timer.arm(loop.now(), tick);
    } else {
      loop.stop();
    }
  };
  timer.arm(loop.now(), tick);
  loop.run();
  EXPECT_EQ(left, 0);
}

Task<void> wait_twice(Signal& signal, Loop& loop, std::string& trace) {
  co_await signal.wait();
  trace += "first ";
  bool set = co_await signal.wait_until(loop.now() + milliseconds(1));
  trace += set ? "second" : "timeout";
  loop.stop();
}

TEST_P(LoopTest, ASignalThatNobodyWaitedForIsRemembered) {
  Signal signal(loop);
  signal.set();
  spawn(gate, wait_twice(signal, loop, trace));
  EXPECT_EQ(trace, "first ");
  loop.run();
  EXPECT_EQ(trace, "first timeout");
  EXPECT_TRUE(gate.empty());
}

TEST_P(LoopTest, ASignalBeatsItsDeadline) {
  Signal signal(loop);
  spawn(gate, wait_twice(signal, loop, trace));
  EXPECT_FALSE(gate.empty());
  signal.set();
  loop.call([&] { signal.set(); });
  loop.run();
  EXPECT_EQ(trace, "first second");
  EXPECT_TRUE(gate.empty());
}

Task<int> answer() {
  co_return 42;
}

Task<int> fail() {
  throw std::runtime_error("on purpose");
  co_return 0;
}

Task<void> collect(std::string& trace) {
  trace += std::to_string(co_await answer());
  try {
    co_await fail();
  } catch (const std::runtime_error& error) {
    trace += std::string(" ") + error.what();
  }
}

TEST_P(LoopTest, TasksReturnValuesAndPassExceptionsOn) {
  spawn(gate, collect(trace));
  EXPECT_EQ(trace, "42 on purpose");
  EXPECT_TRUE(gate.empty());
}

Task<void> throwing() {
  co_await fail();
}

TEST_P(LoopTest, AnExceptionEndsAtTheRootOfItsTask) {
  spawn(gate, throwing());
  EXPECT_TRUE(gate.empty());
}

Task<void> speak(Turn& turn, std::string& trace, std::string text, Signal& go) {
  co_await turn.take();
  trace += text;
  co_await go.wait();
  trace += text;
  turn.give();
}

TEST_P(LoopTest, TurnsAreNotInterleaved) {
  Turn turn(loop);
  Signal a(loop);
  Signal b(loop);
  spawn(gate, speak(turn, trace, "a", a));
  spawn(gate, speak(turn, trace, "b", b));
  b.set();
  EXPECT_FALSE(turn.try_take());
  loop.call([&] { a.set(); });
  Timer end(loop);
  end.arm(loop.now() + milliseconds(1), [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(trace, "aabb");
  EXPECT_TRUE(turn.try_take());
}

TEST_P(LoopTest, ABrokenTurnLetsEverybodyGoOn) {
  Turn turn(loop);
  Signal a(loop);
  Signal b(loop);
  a.set();
  b.set();
  EXPECT_TRUE(turn.try_take()) << "by one who will never give it back";
  spawn(gate, speak(turn, trace, "a", a));
  spawn(gate, speak(turn, trace, "b", b));
  turn.break_open();
  Timer end(loop);
  end.arm(loop.now() + milliseconds(1), [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(trace, "aabb");
  EXPECT_TRUE(gate.empty());
}

INSTANTIATE_TEST_SUITE_P(Both, LoopTest, testing::Values(Poller::epoll, Poller::io_uring),
                         poller_of);

}  // namespace
}  // namespace sluice::proxy
