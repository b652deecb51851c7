#include "cli/ending.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using proxy::op::ShutdownMode;

TEST(WantedEnd, immediately_is_the_signal_that_waits_for_nothing) {
  EXPECT_EQ(WantedEnd().ask(ShutdownMode::wait_for_clients), SIGTERM);
  EXPECT_EQ(WantedEnd().ask(ShutdownMode::drain), SIGTERM);
  EXPECT_EQ(WantedEnd().ask(ShutdownMode::immediate), SIGQUIT);
}

TEST(WantedEnd, who_asks_again_does_not_cut_it_short) {
  WantedEnd wanted;
  EXPECT_EQ(wanted.how(), ShutdownMode::drain);
  EXPECT_EQ(wanted.ask(ShutdownMode::drain), SIGTERM);
  EXPECT_EQ(wanted.ask(ShutdownMode::drain), 0);
  EXPECT_EQ(wanted.ask(ShutdownMode::wait_for_clients), 0);
  EXPECT_EQ(wanted.how(), ShutdownMode::drain);
}

TEST(WantedEnd, a_quicker_end_takes_the_place_of_a_slower_one) {
  WantedEnd wanted;
  EXPECT_EQ(wanted.ask(ShutdownMode::wait_for_clients), SIGTERM);
  EXPECT_EQ(wanted.ask(ShutdownMode::drain), SIGTERM);
  EXPECT_EQ(wanted.ask(ShutdownMode::immediate), SIGQUIT);
  EXPECT_EQ(wanted.ask(ShutdownMode::immediate), 0);
  EXPECT_EQ(wanted.how(), ShutdownMode::immediate);
}

TEST(WantedEnd, what_has_begun_by_itself_counts_where_nobody_has_asked) {
  WantedEnd drained;
  drained.begun(ShutdownMode::drain);
  EXPECT_EQ(drained.ask(ShutdownMode::wait_for_clients), 0);
  EXPECT_EQ(drained.ask(ShutdownMode::immediate), SIGQUIT);
  WantedEnd waited_for;
  waited_for.ask(ShutdownMode::wait_for_clients);
  waited_for.begun(ShutdownMode::drain);
  EXPECT_EQ(waited_for.how(), ShutdownMode::wait_for_clients);
}

}  // namespace
}  // namespace sluice::cli
