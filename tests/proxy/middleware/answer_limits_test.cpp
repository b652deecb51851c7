// row_limit and result_limit.

#include <gtest/gtest.h>

#include "proxy/middleware/result_limit.hpp"
#include "proxy/middleware/row_limit.hpp"
#include "stage.hpp"

namespace sluice::proxy::middleware {
namespace {

using namespace std::chrono_literals;
using protocol::Answer;

protocol::AnswerLimits asked(Part& part, protocol::AnswerLimits before) {
  Verdict verdict;
  verdict.limits = before;
  part.on_request({}, at(0ms), verdict);
  part.on_decided({}, at(0ms), verdict);
  EXPECT_EQ(verdict.kind, Verdict::Kind::allow);
  return verdict.limits;
}

Answer cut(std::uint64_t rows, std::uint64_t bytes) {
  Answer answer;
  answer.end = Answer::End::limited;
  answer.rows = rows;
  answer.bytes = bytes;
  return answer;
}

TEST(RowLimit, TheShorterOfTwoHoldsAndItsCutsAreCounted) {
  Stage stage;
  Made made = make(config::RowLimit{.rows = 100});
  ASSERT_TRUE(made);
  const auto part = (*made)->begin(stage.place());
  EXPECT_EQ(asked(*part, {50, 0}), (protocol::AnswerLimits{50, 0}));
  part->on_answer({}, cut(50, 0), at(0ms));  // by another row_limit
  EXPECT_EQ(asked(*part, {}), (protocol::AnswerLimits{100, 0}));
  EXPECT_EQ(asked(*part, {200, 7}), (protocol::AnswerLimits{100, 7}));
  part->on_answer({}, {}, at(0ms));
  part->on_answer({}, cut(10, 7), at(0ms));  // by result_limit
  EXPECT_EQ(stage.instruments.cut.value(), 0U);
  part->on_answer({}, cut(100, 0), at(0ms));
  EXPECT_EQ(stage.instruments.cut.value(), 1U);
  EXPECT_FALSE(make(config::RowLimit{}));
}

TEST(ResultLimit, TheShorterOfTwoHoldsAndItsCutsAreCounted) {
  Stage stage;
  Made made = make(config::ResultLimit{.bytes = 1000});
  ASSERT_TRUE(made);
  const auto part = (*made)->begin(stage.place());
  EXPECT_EQ(asked(*part, {0, 500}), (protocol::AnswerLimits{0, 500}));
  part->on_answer({}, cut(3, 500), at(0ms));  // by another result_limit
  EXPECT_EQ(asked(*part, {5, 2000}), (protocol::AnswerLimits{5, 1000}));
  part->on_answer({}, {}, at(0ms));
  part->on_answer({}, cut(5, 100), at(0ms));  // by row_limit
  EXPECT_EQ(stage.instruments.cut.value(), 0U);
  part->on_answer({}, cut(3, 990), at(0ms));
  EXPECT_EQ(stage.instruments.cut.value(), 1U);
  EXPECT_EQ(asked(*part, {}), (protocol::AnswerLimits{0, 1000}));
  part->on_answer({}, cut(9000, 990), at(0ms));
  EXPECT_EQ(stage.instruments.cut.value(), 2U);
  EXPECT_FALSE(make(config::ResultLimit{}));
}

}  // namespace
}  // namespace sluice::proxy::middleware
