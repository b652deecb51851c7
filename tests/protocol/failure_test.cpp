#include "protocol/failure.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sluice::protocol {
namespace {

TEST(Failure, EveryKindHasItsRow) {
  std::set<std::string_view> labels;
  for (std::size_t at = 0; at < static_cast<std::size_t>(FailureKind::count_); ++at) {
    auto kind = static_cast<FailureKind>(at);
    const FailureRow& row = failure_row(kind);
    EXPECT_EQ(row.kind, kind) << row.label << " is in another's place";
    EXPECT_TRUE(labels.insert(row.label).second) << row.label;
    EXPECT_EQ(row.sqlstate.size(), 5U) << row.label;
    EXPECT_GE(row.mysql_errno, 1000) << row.label;
  }
}

TEST(Failure, LimitsSpeakAsServersDo) {
  struct Row {
    FailureKind kind;
    const char* sqlstate;
    std::uint16_t mysql_errno;
  };
  for (const Row& row : {Row{FailureKind::client_idle_timeout, "57P05", 4031},
                         Row{FailureKind::idle_transaction_timeout, "25P03", 4031},
                         Row{FailureKind::transaction_timeout, "25P04", 1927},
                         Row{FailureKind::query_timeout, "57014", 3024},
                         Row{FailureKind::client_max_lifetime, "57P01", 1053}}) {
    EXPECT_EQ(fail(row.kind, "").sqlstate(), row.sqlstate);
    EXPECT_EQ(fail(row.kind, "").mysql_errno(), row.mysql_errno);
  }
}

}  // namespace
}  // namespace sluice::protocol
