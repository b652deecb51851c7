#include "proxy/middleware/background.hpp"

#include <future>

#include <gtest/gtest.h>

namespace sluice::proxy::middleware {
namespace {

TEST(Background, DoesInOrderWhatIsQueuedAndCountsWhatDoesNotFit) {
  std::promise<void> go;
  std::string done;
  {
    Background background(2);
    std::promise<void> begun;
    ASSERT_TRUE(background.post([&] {
      begun.set_value();
      go.get_future().wait();
    }));
    begun.get_future().wait();
    EXPECT_TRUE(background.post([&] { done += "a"; }));
    EXPECT_TRUE(background.post([&] { done += "b"; }));
    EXPECT_FALSE(background.post([&] { done += "c"; }));
    EXPECT_EQ(background.dropped(), 1U);
    go.set_value();
    background.drain();
    EXPECT_EQ(done, "ab");
    EXPECT_TRUE(background.post([&] { done += "d"; }));
  }
  EXPECT_EQ(done, "abd");  // what is queued is done before it ends
}

}  // namespace
}  // namespace sluice::proxy::middleware
