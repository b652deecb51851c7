#include "proxy/connect_failure.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::proxy {
namespace {

using protocol::Failure;
using protocol::FailureKind;

struct Row {
  const char* what;
  FailureKind kind;
  std::string sqlstate;
  std::uint16_t number;
  bool permanent;
  bool next_address;
};

TEST(ConnectFailure, WhatLastsAndWhatAnotherAddressMayDoBetter) {
  using enum FailureKind;
  const Row rows[] = {
      {"refused, timed out, reset", backend_unreachable, "", 0, false, true},
      {"garbage", backend_protocol, "", 0, false, true},
      {"PostgreSQL starts up", backend_login_failed, "57P03", 0, false, true},
      {"PostgreSQL stops", backend_login_failed, "57P01", 0, false, true},
      {"PostgreSQL is full", backend_login_failed, "53300", 0, false, false},
      {"wrong password", backend_login_failed, "28P01", 0, true, false},
      {"no pg_hba.conf entry", backend_login_failed, "28000", 0, true, false},
      {"no such database", unknown_database, "3D000", 0, true, false},
      {"init_sql fails", backend_login_failed, "42P01", 0, true, false},
      {"MySQL is full", backend_login_failed, "08004", 1040, false, false},
      {"MySQL stops", backend_login_failed, "08S01", 1053, false, true},
      {"the account's share is used up", backend_login_failed, "42000", 1226, false, false},
      {"access denied", backend_login_failed, "28000", 1045, true, false},
      {"unknown database", unknown_database, "42000", 1049, true, false},
      {"no TLS", backend_tls_failed, "", 0, true, false},
      {"cannot log in at all", backend_login_failed, "", 0, true, false},
  };
  for (const Row& row : rows) {
    Failure failure = protocol::fail(row.kind, row.what);
    failure.sqlstate_override = row.sqlstate;
    failure.mysql_errno_override = row.number;
    EXPECT_EQ(is_permanent(failure), row.permanent) << row.what;
    EXPECT_EQ(tries_next_address(failure), row.next_address) << row.what;
  }
}

}  // namespace
}  // namespace sluice::proxy
