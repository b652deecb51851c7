// Requests that a chain allows without looking at them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/proxy/middleware/scripted.hpp"

namespace sluice::proxy::middleware {
namespace {

using metrics::MiddlewareVerdict;
using protocol::RequestKind;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using Kind = protocol::Verdict::Kind;

Script gate(std::string name, Duration timeout = Duration{0}) {
  Script script{std::move(name)};
  script.wants = {};
  script.wants.request = script.wants.gate = true;
  script.timeout = timeout;
  script.request = [timeout](const protocol::Request&, Verdict& verdict) {
    verdict.timeout = timeout;
  };
  return script;
}

Script closed_gate(std::string name) {
  Script script = gate(std::move(name));
  script.passes = [](RequestKind) { return false; };
  return script;
}

class ChainGates : public ::testing::Test {
 protected:
  static std::uint64_t allowed(ScriptedChain& scripted, std::size_t entry) {
    return scripted.instruments(entry).verdicts(MiddlewareVerdict::allowed).value();
  }
  static void log_in(ScriptedChain& scripted) {
    EXPECT_FALSE(scripted.log_in());
    scripted.take_diary();
  }
};

TEST_F(ChainGates, WhatAllLetPassIsCountedAndNotDescribed) {
  Script at_login{"login"};
  at_login.wants = {};
  ScriptedChain scripted({gate("a", milliseconds(70)), at_login, gate("b", milliseconds(50))});
  log_in(scripted);
  EXPECT_TRUE(scripted.chain.waves_through(RequestKind::query));
  EXPECT_TRUE(scripted.chain.waves_through(RequestKind::execute));
  EXPECT_THAT(scripted.take_diary(), ElementsAre("a passes", "b passes", "a passes", "b passes"));
  EXPECT_EQ(allowed(scripted, 0), 2U);
  EXPECT_EQ(allowed(scripted, 2), 2U);
  EXPECT_EQ(scripted.chain.running().timeout, milliseconds(50));
  EXPECT_EQ(scripted.chain.running().since, TimePoint{});
}

TEST_F(ChainGates, APreparedTextIsNoRequestThatWasAllowed) {
  ScriptedChain scripted({gate("a")});
  log_in(scripted);
  EXPECT_TRUE(scripted.chain.waves_through(RequestKind::prepare));
  EXPECT_EQ(allowed(scripted, 0), 0U);
}

TEST_F(ChainGates, TheChainGoesOnWithTheOneThatDidNotLetItPass) {
  ScriptedChain scripted({gate("a", milliseconds(40)), closed_gate("b")}, {gate("c")});
  log_in(scripted);
  EXPECT_FALSE(scripted.chain.waves_through(RequestKind::query));
  EXPECT_EQ(scripted.ask("select 1").kind, Kind::allow);
  EXPECT_THAT(scripted.take_diary(), ElementsAre("a passes", "b passes", "b request", "c request"));
  EXPECT_EQ(allowed(scripted, 0), 1U);
  EXPECT_EQ(allowed(scripted, 1), 1U);
  EXPECT_EQ(scripted.chain.running().timeout, milliseconds(40));
  EXPECT_EQ(scripted.chain.running().since, scripted.time.at.steady);
  scripted.answer(1);
  EXPECT_FALSE(scripted.chain.waves_through(RequestKind::query));
  EXPECT_EQ(scripted.ask("select 2").kind, Kind::allow);
  EXPECT_THAT(scripted.take_diary(), ElementsAre("a passes", "b passes", "b request", "c request"))
      << "each time anew";
}

TEST_F(ChainGates, WhatHasPassedAheadOfAPreparedTextHasNotToPassAgain) {
  ScriptedChain scripted({gate("a"), closed_gate("b")});
  log_in(scripted);
  EXPECT_FALSE(scripted.chain.waves_through(RequestKind::execute)) << "at its Bind";
  EXPECT_EQ(scripted.ask("select 1", true, RequestKind::prepare).kind, Kind::allow);
  EXPECT_THAT(scripted.take_diary(), ElementsAre("a passes", "b passes", "a request", "b request"));
  EXPECT_FALSE(scripted.chain.waves_through(RequestKind::execute));
  EXPECT_EQ(scripted.ask("select 1", false, RequestKind::execute).kind, Kind::allow);
  EXPECT_THAT(scripted.take_diary(), ElementsAre("b passes", "b request"));
  EXPECT_EQ(allowed(scripted, 0), 1U);
}

TEST_F(ChainGates, NothingPassesWhileARequestIsDelayed) {
  bool goes = false;
  Script later = closed_gate("b");
  later.request = [&goes](const protocol::Request&, Verdict& verdict) {
    verdict.kind = goes ? Kind::allow : Kind::delay;
  };
  ScriptedChain scripted({gate("a"), later});
  log_in(scripted);
  EXPECT_FALSE(scripted.chain.waves_through(RequestKind::query));
  EXPECT_EQ(scripted.ask("select 1").kind, Kind::delay);
  scripted.take_diary();
  goes = true;
  EXPECT_FALSE(scripted.chain.waves_through(RequestKind::query));
  EXPECT_EQ(scripted.ask("select 1").kind, Kind::allow);
  EXPECT_THAT(scripted.take_diary(), ElementsAre("b request"));
  EXPECT_EQ(allowed(scripted, 0), 1U);
}

TEST_F(ChainGates, NothingPassesThatSomebodyMustSeeOrHearOf) {
  Script sees = gate("b");
  sees.wants.gate = false;
  Script decided = gate("b");
  decided.wants.decided = true;
  Script answered = gate("b");
  answered.wants.answer = true;
  for (const Script& second : {sees, decided, answered}) {
    ScriptedChain scripted({gate("a", milliseconds(40)), second});
    log_in(scripted);
    EXPECT_FALSE(scripted.chain.waves_through(RequestKind::query));
    EXPECT_THAT(scripted.take_diary(), IsEmpty());
    EXPECT_EQ(scripted.chain.running().timeout, Duration::zero());
    EXPECT_EQ(scripted.ask("select 1").kind, Kind::allow);
    EXPECT_EQ(scripted.chain.running().timeout, milliseconds(40));
  }
  ScriptedChain nobody({});
  log_in(nobody);
  EXPECT_FALSE(nobody.chain.waves_through(RequestKind::query));
}

TEST_F(ChainGates, NothingPassesAClosedChain) {
  ScriptedChain scripted({gate("a")});
  log_in(scripted);
  scripted.chain.close();
  scripted.take_diary();
  EXPECT_FALSE(scripted.chain.waves_through(RequestKind::query));
  EXPECT_EQ(scripted.ask("select 1").kind, Kind::refuse);
  EXPECT_THAT(scripted.take_diary(), IsEmpty());
}

}  // namespace
}  // namespace sluice::proxy::middleware
