#include "protocol/outbox.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace sluice::protocol {
namespace {

std::string written(Outbox& outbox, std::size_t step) {
  std::string all;
  while (!outbox.empty()) {
    Bytes piece = outbox.piece(0);
    piece = piece.first(std::min(step, piece.size()));
    all += as_text(piece);
    outbox.consume(piece.size());
  }
  return all;
}

class OutboxOrder : public testing::TestWithParam<std::size_t> {};

// Borrowed and owned bytes of all sizes, in every order, written in pieces of the parameter's size.
TEST_P(OutboxOrder, IsKept) {
  const std::string text(4096, 'b');
  for (unsigned pattern = 0; pattern < 729; ++pattern) {
    Outbox outbox;
    std::string expected;
    unsigned left = pattern;
    for (int i = 0; i < 6; ++i, left /= 3) {
      const std::string number = std::to_string(i);
      switch (left % 3) {
        case 0:
          outbox.own(as_bytes(number));
          expected += number;
          break;
        case 1:  // short: may be copied
          outbox.borrow(as_bytes(text).first(3));
          expected += "bbb";
          break;
        default:
          outbox.borrow(as_bytes(text).subspan(1, 2000));
          expected += std::string(2000, 'b');
      }
    }
    EXPECT_EQ(outbox.size(), expected.size());
    EXPECT_EQ(written(outbox, GetParam()), expected) << pattern;
  }
}

INSTANTIATE_TEST_SUITE_P(Steps, OutboxOrder, testing::Values(1, 7, 5000));

TEST(Outbox, ShortPiecesBecomeOne) {
  const std::string text = "some bytes";
  Outbox outbox;
  outbox.borrow(as_bytes(text));
  outbox.own(as_bytes("own"));
  outbox.borrow(as_bytes(text));
  outbox.compose([](Buffer& buffer) { buffer.push_back('!'); });
  EXPECT_EQ(outbox.pieces(), 1U);
  EXPECT_EQ(written(outbox, 100), "some bytesownsome bytes!");
}

TEST(Outbox, LongPiecesAreNotCopied) {
  const std::string text(5000, 'x');
  Outbox outbox;
  outbox.own(as_bytes("own"));
  outbox.borrow(as_bytes(text));
  ASSERT_EQ(outbox.pieces(), 2U);
  EXPECT_EQ(outbox.piece(1).data(), as_bytes(text).data());
}

TEST(Outbox, GoesOnAfterAPartIsWritten) {
  const std::string text = "0123456789";
  Outbox outbox;
  outbox.borrow(as_bytes(text));
  outbox.consume(4);
  outbox.own(as_bytes("own"));
  EXPECT_EQ(written(outbox, 100), "456789own");
}

}  // namespace
}  // namespace sluice::protocol
