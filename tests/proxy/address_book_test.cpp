#include "proxy/address_book.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::proxy {
namespace {

using std::chrono::seconds;

Endpoint endpoint(const std::string& host, const std::string& name = {}) {
  config::Address address;
  address.host = host;
  address.port = 5432;
  return {resolve(address, Purpose::connect)->front(), name};
}

struct AddressBookTest : testing::Test {
  AddressBook book;
  TimePoint now = TimePoint() + std::chrono::hours(1);
  std::vector<Endpoint> all{endpoint("192.0.2.1"), endpoint("192.0.2.2"),
                            endpoint("192.0.2.3", "db2")};

  std::string order() const {
    std::string digits;
    for (const Endpoint& one : book.order(all, now)) {
      digits += to_string(one.address)[8];
    }
    return digits;
  }
};

TEST_F(AddressBookTest, WithoutFailuresTheOrderIsThatOfTheUrl) {
  EXPECT_EQ(order(), "123");
}

TEST_F(AddressBookTest, WhatFailedComesLastAndTheOldestFailureFirst) {
  book.failed(all[0].address, now);
  EXPECT_EQ(order(), "231");
  now += seconds(1);
  book.failed(all[1].address, now);
  EXPECT_EQ(order(), "312");
  now += seconds(1);
  book.failed(all[0].address, now);
  EXPECT_EQ(order(), "321");
}

TEST_F(AddressBookTest, WhenAllHaveFailedAllAreStillTried) {
  for (const Endpoint& one : all) {
    book.failed(one.address, now);
    now += seconds(1);
  }
  EXPECT_EQ(order(), "123");
}

TEST_F(AddressBookTest, AnAnswerOrTimeClearsAFailure) {
  book.failed(all[0].address, now);
  book.failed(all[1].address, now);
  book.answered(all[0].address);
  EXPECT_EQ(order(), "132");
  now += AddressBook::kDistrust - seconds(1);
  EXPECT_EQ(order(), "132");
  now += seconds(1);
  EXPECT_EQ(order(), "123");
}

TEST_F(AddressBookTest, ManyFailuresOfOtherAddressesDoNotPileUp) {
  for (int i = 0; i < 1000; ++i) {
    book.failed(endpoint("198.51.100." + std::to_string(i % 250)).address, now);
  }
  book.failed(all[0].address, now);
  EXPECT_EQ(order(), "231");
}

}  // namespace
}  // namespace sluice::proxy
