#include "proxy/offload.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <csignal>
#include <future>
#include <set>
#include <string>

namespace sluice::proxy {
namespace {

TEST(Offload, RunsWorkThenDoneOnANamedThread) {
  std::promise<std::string> name;
  std::atomic<bool> worked{false};
  Offload offload(1, 4);
  ASSERT_TRUE(offload.submit([&] { worked = true; },
                             [&] {
                               std::array<char, 16> text{};
                               pthread_getname_np(pthread_self(), text.data(), text.size());
                               name.set_value(worked ? text.data() : "done came first");
                             }));
  EXPECT_EQ(name.get_future().get(), "sluice-cpu-0");
}

TEST(Offload, RefusesWhenTheQueueIsFull) {
  std::promise<void> started;
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  std::atomic<int> done{0};
  {
    Offload offload(1, 2);
    auto count = [&] { ++done; };
    ASSERT_TRUE(offload.submit(
        [&] {
          started.set_value();
          gate.wait();
        },
        count));
    started.get_future().wait();
    EXPECT_TRUE(offload.submit([] {}, count));
    EXPECT_TRUE(offload.submit([] {}, count));
    EXPECT_EQ(offload.queued(), 2U);
    EXPECT_FALSE(offload.submit([] { ADD_FAILURE() << "refused work ran"; },
                                [] { ADD_FAILURE() << "refused work was done"; }));
    go.set_value();
  }
  EXPECT_EQ(done, 3) << "what was accepted is finished before the end";
}

TEST(Offload, WithoutThreadsItTakesNothing) {
  Offload offload(0, 10);
  EXPECT_FALSE(offload.submit([] {}, [] {}));
}

TEST(Offload, ItsThreadsTakeNoSignals) {
  std::promise<bool> blocked;
  Offload offload(1, 1);
  ASSERT_TRUE(offload.submit([] {},
                             [&] {
                               sigset_t mask;
                               pthread_sigmask(SIG_SETMASK, nullptr, &mask);
                               blocked.set_value(sigismember(&mask, SIGTERM) == 1);
                             }));
  EXPECT_TRUE(blocked.get_future().get());
  sigset_t ours;
  pthread_sigmask(SIG_SETMASK, nullptr, &ours);
  EXPECT_EQ(sigismember(&ours, SIGTERM), 0) << "the caller's mask is as it was";
}

TEST(Offload, ManySubmittersLoseNothing) {
  std::atomic<int> worked{0};
  std::atomic<int> done{0};
  std::atomic<int> accepted{0};
  {
    Offload offload(3, 16);
    std::vector<std::jthread> submitters;
    for (int i = 0; i < 4; ++i) {
      submitters.emplace_back([&] {
        for (int job = 0; job < 2000; ++job) {
          accepted += offload.submit([&] { ++worked; }, [&] { ++done; }) ? 1 : 0;
        }
      });
    }
    submitters.clear();
  }
  EXPECT_GT(accepted, 0);
  EXPECT_EQ(worked, accepted);
  EXPECT_EQ(done, accepted);
}

}  // namespace
}  // namespace sluice::proxy
