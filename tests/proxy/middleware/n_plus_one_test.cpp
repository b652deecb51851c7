#include "proxy/middleware/n_plus_one.hpp"

#include <chrono>
#include <string>

#include "asking.hpp"
#include "metrics/log.hpp"

namespace sluice::proxy::middleware {
namespace {

using namespace std::chrono_literals;
using protocol::RequestKind;

constexpr config::NPlusOne kThree{3, 1000ms};

class NPlusOneTest : public testing::Test {
 protected:
  void SetUp() override {
    metrics::log::Options options;
    options.format = metrics::log::Format::json;
    options.write = [this](std::string_view line) { logged_ += line; };
    metrics::log::start(std::move(options));
  }
  void TearDown() override { metrics::log::stop(); }

  // Asks, and answers 2 ms later.
  void run(std::string_view text, RequestKind kind = RequestKind::query) {
    run(text, kind, asking_);
  }
  void run(std::string_view text, RequestKind kind, Asking& asking) {
    protocol::Request request = asking.request(text, kind);
    request.in_transaction = in_transaction_;
    Part& part = asking.part();
    Asked asked;
    asked.kind = kind;
    asked.at = asking.now.steady;
    asked.digest = std::make_shared<const protocol::sql::Digest>(request.digest());
    part.on_decided(request, asking.now, Verdict{});
    asking.now.steady += 2ms;
    part.on_answer(asked, protocol::Answer{}, asking.now);
    if (!in_transaction_) {
      part.on_transaction_end({asking.now});
    }
  }
  std::string pet(int id) { return "SELECT * FROM pets WHERE owner = " + std::to_string(id); }
  void begin() { in_transaction_ = true; }
  void end() {
    in_transaction_ = false;
    asking_.part().on_transaction_end({asking_.now});
  }
  std::uint64_t reports() const { return asking_.instruments.reports.value(); }
  std::string logged() {
    metrics::log::stop();
    return logged_;
  }

  Asking asking_{make(kThree)};
  bool in_transaction_ = false;
  std::string logged_;
};

TEST_F(NPlusOneTest, ALoopOfReadsIsReportedOnceWithoutItsLiterals) {
  for (int id = 0; id < 10; ++id) {
    run(pet(4711 + id));
    EXPECT_EQ(reports(), id < 2 ? 0U : 1U);
  }
  const std::string log = logged();
  EXPECT_NE(log.find("\"event\":\"n_plus_one\""), std::string::npos) << log;
  EXPECT_NE(log.find("\"user\":\"app\",\"database\":\"shop\",\"route\":\"pets\""),
            std::string::npos)
      << log;
  EXPECT_NE(log.find("\"count\":3"), std::string::npos) << log;
  EXPECT_NE(log.find("\"seconds\":0.006"), std::string::npos) << log;
  EXPECT_NE(log.find("select * from pets where owner = ?"), std::string::npos) << log;
  EXPECT_NE(log.find("\"advice\""), std::string::npos) << log;
  EXPECT_EQ(log.find("4711"), std::string::npos) << log;
}

TEST_F(NPlusOneTest, TheSameTextAgainIsAPing) {
  for (int i = 0; i < 10; ++i) {
    run("SELECT version()");
    run("SELECT 1", RequestKind::execute);
  }
  EXPECT_EQ(reports(), 0U);
}

TEST_F(NPlusOneTest, ExecutionsWithParametersCountAsDifferent) {
  for (int i = 0; i < 3; ++i) {
    run("SELECT * FROM pets WHERE owner = $1", RequestKind::execute);
  }
  EXPECT_EQ(reports(), 1U);
  Asking mysql(make(kThree));
  mysql.identity.protocol = protocol::Protocol::mysql;
  for (int i = 0; i < 3; ++i) {
    run("SELECT * FROM pets WHERE owner = ?", RequestKind::execute, mysql);
  }
  EXPECT_EQ(mysql.instruments.reports.value(), 1U);
}

TEST_F(NPlusOneTest, OutsideOfTransactionsTheWindowBoundsIt) {
  for (int id = 0; id < 10; ++id) {
    run(pet(id));
    asking_.now.steady += 600ms;
  }
  EXPECT_EQ(reports(), 0U);
  for (int id = 0; id < 3; ++id) {
    run(pet(id));
  }
  EXPECT_EQ(reports(), 1U);
  asking_.now.steady += 2s;
  for (int id = 0; id < 3; ++id) {
    run(pet(id));
  }
  EXPECT_EQ(reports(), 2U);
}

TEST_F(NPlusOneTest, ATransactionIsOneRunHoweverLong) {
  begin();
  for (int id = 0; id < 3; ++id) {
    run(pet(id));
    asking_.now.steady += 10s;
  }
  EXPECT_EQ(reports(), 1U);
  run(pet(9));
  EXPECT_EQ(reports(), 1U);
  end();
  begin();
  run(pet(1));
  run(pet(2));
  end();
  begin();
  run(pet(3));  // another request of a service, on the same session
  EXPECT_EQ(reports(), 1U);
}

TEST_F(NPlusOneTest, WritesAndOthersDoNotCount) {
  for (int id = 0; id < 10; ++id) {
    const std::string number = std::to_string(id);
    run("INSERT INTO pets VALUES (" + number + ")");
    run("SELECT nextval('s" + number + "')");
    run("SELECT " + number + "; SELECT 2");
    run("SHOW x" + number);
    run(pet(id), RequestKind::prepare);
  }
  EXPECT_EQ(reports(), 0U);
}

TEST_F(NPlusOneTest, WhatIsRefusedDoesNotCount) {
  Verdict refused;
  refused.kind = Verdict::Kind::refuse;
  for (int id = 0; id < 10; ++id) {
    asking_.part().on_decided(asking_.request(pet(id)), asking_.now, refused);
  }
  run(pet(1));
  run(pet(2));
  EXPECT_EQ(reports(), 0U);
}

TEST_F(NPlusOneTest, MemoryIsBoundedAndTheOldestGoes) {
  const auto other = [](int number) {
    return "SELECT c" + std::to_string(number) + " FROM t WHERE a = 1";
  };
  begin();
  run(pet(1));
  run(pet(2));
  for (int i = 0; i < 63; ++i) {
    run(other(i));
  }
  run(pet(3));  // still there
  EXPECT_EQ(reports(), 1U);
  run(other(64));  // the place of the one longest unused: other(0)
  EXPECT_EQ(reports(), 1U);
  for (int i = 100; i < 200; ++i) {
    run(other(i));
  }
  run(pet(4));  // forgotten: it begins again
  run(pet(5));
  EXPECT_EQ(reports(), 1U);
  run(pet(6));
  EXPECT_EQ(reports(), 2U);
}

}  // namespace
}  // namespace sluice::proxy::middleware
