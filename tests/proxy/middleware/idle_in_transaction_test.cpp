#include "proxy/middleware/idle_in_transaction.hpp"

#include <gtest/gtest.h>

#include "stage.hpp"

namespace sluice::proxy::middleware {
namespace {

using namespace std::chrono_literals;

class IdleInTransaction : public testing::Test {
 protected:
  void begin(config::OnReport action) {
    Made made = make(config::IdleInTransaction{.limit = 1s, .action = action});
    ASSERT_TRUE(made);
    middleware_ = std::move(*made);
    part_ = middleware_->begin(stage_.place());
  }
  Ending tick(std::chrono::milliseconds when, std::chrono::milliseconds moved, bool running = false,
              bool in_transaction = true) {
    Moment moment;
    moment.now = at(when);
    moment.in_transaction = in_transaction;
    moment.running = running;
    moment.moved_at = at(moved).steady;
    moment.transaction_at = at(0ms).steady;
    return part_->on_tick(moment);
  }
  std::uint64_t reports() const { return stage_.instruments.reports.value(); }

  Stage stage_;
  std::unique_ptr<Middleware> middleware_;
  std::unique_ptr<Part> part_;
};

TEST_F(IdleInTransaction, EndsWhoDoesNothingInAnOpenTransaction) {
  begin(config::OnReport::end);
  EXPECT_FALSE(tick(999ms, 0ms));
  const Ending ending = tick(1000ms, 0ms);
  ASSERT_TRUE(ending);
  EXPECT_EQ(ending->sqlstate(), "25P03");
  EXPECT_NE(ending->text.find("idle_in_transaction (1000 ms)"), std::string::npos) << ending->text;
}

TEST_F(IdleInTransaction, WhoRunsSomethingOrHasNoTransactionIsNotIdle) {
  begin(config::OnReport::end);
  EXPECT_FALSE(tick(9s, 0ms, true));
  EXPECT_FALSE(tick(9s, 0ms, false, false));
  EXPECT_FALSE(tick(9s, 8500ms));
  EXPECT_EQ(reports(), 0U);
}

TEST_F(IdleInTransaction, OnlyReportsEachTimeOnceWhereItIsAskedTo) {
  LogCapture log;
  begin(config::OnReport::report);
  EXPECT_FALSE(tick(2500ms, 500ms));
  EXPECT_FALSE(tick(3s, 500ms));
  EXPECT_EQ(reports(), 1U);
  EXPECT_FALSE(tick(6s, 4s));
  EXPECT_EQ(reports(), 2U);
  const std::string text = log.text();
  EXPECT_EQ(LogCapture::count(text, "warning idle_in_transaction "), 2U) << text;
  EXPECT_NE(text.find("idle_seconds=2 transaction_seconds=2.5"), std::string::npos) << text;
}

TEST_F(IdleInTransaction, ALimitOfNothingIsNone) {
  EXPECT_FALSE(make(config::IdleInTransaction{}));
}

}  // namespace
}  // namespace sluice::proxy::middleware
