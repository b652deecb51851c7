// Whatever a middleware throws, at whichever phase and place of the chain: the login or the request
// is refused, or the others go on, and every Part that began is closed exactly once, in reverse.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "proxy/middleware/chain.hpp"
#include "tests/proxy/middleware/scripted.hpp"

namespace sluice::proxy::middleware {
namespace {

using protocol::FailureKind;
using testing::ElementsAre;
using testing::IsEmpty;
using Kind = protocol::Verdict::Kind;

constexpr std::size_t kLength = 3;  // two global entries and one of the route

std::vector<Script> scripts(std::size_t failing, Phase phase) {
  std::vector<Script> made{{"a"}, {"b"}, {"c"}};
  made[failing].throws = phase;
  return made;
}

// Who closed, in order.
std::vector<std::string> closed(const Diary& diary) {
  std::vector<std::string> names;
  for (const std::string& line : diary) {
    if (line.ends_with(" close")) {
      names.push_back(line.substr(0, 1));
    }
  }
  return names;
}

class ChainFailure : public testing::TestWithParam<std::tuple<std::size_t, Phase>> {
 protected:
  std::size_t failing() const { return std::get<0>(GetParam()); }
  Phase phase() const { return std::get<1>(GetParam()); }
  // Of the first `count`.
  static std::vector<std::string> in_reverse(std::size_t count) {
    std::vector<std::string> names{"a", "b", "c"};
    names.resize(count);
    std::reverse(names.begin(), names.end());
    return names;
  }
};

TEST_P(ChainFailure, RefusesWhereItCanAndAlwaysCloses) {
  auto all = scripts(failing(), phase());
  ScriptedChain scripted({all[0], all[1]}, {all[2]});
  const auto refusal = scripted.log_in();
  const bool at_login = phase() == Phase::begin || phase() == Phase::login;
  ASSERT_EQ(refusal.has_value(), at_login);
  std::size_t begun = kLength;
  if (at_login) {
    EXPECT_EQ(refusal->kind, FailureKind::middleware_failed);
    begun = failing() + (phase() == Phase::login ? 1 : 0);
  } else {
    const auto verdict = scripted.ask("select 1");
    EXPECT_EQ(verdict.kind, phase() == Phase::request ? Kind::refuse : Kind::allow);
    if (verdict.kind == Kind::refuse) {
      EXPECT_EQ(verdict.failure->kind, FailureKind::middleware_failed);
      EXPECT_EQ(verdict.failure->text.find("a defect"), std::string::npos) << "for the log alone";
    } else {
      scripted.answer(1);
    }
    scripted.chain.transactions_ended(1);
    EXPECT_FALSE(scripted.chain.tick({}));
  }
  for (const char* what : {"decided", "end", "tick"}) {
    const auto told = std::count_if(
        scripted.diary.begin(), scripted.diary.end(),
        [&](const std::string& line) { return line.find(what) != std::string::npos; });
    EXPECT_EQ(told, at_login ? 0 : static_cast<std::ptrdiff_t>(kLength)) << what;
  }
  scripted.chain.close();
  EXPECT_EQ(closed(scripted.diary), in_reverse(begun));
  scripted.take_diary();
  scripted.chain.close();
  EXPECT_THAT(scripted.diary, IsEmpty()) << "once";
}

INSTANTIATE_TEST_SUITE_P(Each, ChainFailure,
                         testing::Combine(testing::Range(std::size_t{0}, kLength),
                                          testing::Values(Phase::none, Phase::begin, Phase::login,
                                                          Phase::request, Phase::decided,
                                                          Phase::answer, Phase::end, Phase::tick)));

TEST(ChainFailures, TheEndOfTheChainClosesIt) {
  ScriptedChain scripted({{"a"}, {"b"}});
  {
    Chain other{Identity{}, Surroundings{scripted.time, scripted.background, 0}};
    Login login{other.identity(), scripted.attributes, other.now()};
    EXPECT_FALSE(other.enter(scripted.global_entries, login));
    scripted.take_diary();
  }
  EXPECT_THAT(scripted.diary, ElementsAre("b close", "a close"));
}

TEST(ChainFailures, NothingPassesAClosedChain) {
  ScriptedChain scripted({{"a"}});
  EXPECT_FALSE(scripted.log_in());
  scripted.ask("select 1");
  scripted.chain.close();
  scripted.take_diary();
  EXPECT_EQ(scripted.ask("select 2").kind, Kind::refuse);
  scripted.answer(1);
  scripted.chain.transactions_ended(1);
  EXPECT_FALSE(scripted.chain.tick({}));
  EXPECT_THAT(scripted.diary, IsEmpty());
}

TEST(ChainFailures, ARefusalWithoutAFailureIsAFailureOfTheMiddleware) {
  Script script{"a"};
  script.request = [](const protocol::Request&, Verdict& verdict) {
    verdict.kind = Verdict::Kind::refuse;
  };
  ScriptedChain scripted({script});
  EXPECT_FALSE(scripted.log_in());
  const auto verdict = scripted.ask("select 1");
  ASSERT_TRUE(verdict.failure);
  EXPECT_EQ(verdict.failure->kind, FailureKind::middleware_failed);
  EXPECT_EQ(scripted.instruments(0).refusals(RefusalReason::failed).value(), 1U);
}

TEST(ChainFailures, AFailureInTheMiddleOfADelayEndsIt) {
  int asked = 0;
  Script script{"a"};
  script.request = [&asked](const protocol::Request&, Verdict& verdict) {
    if (++asked > 1) {
      throw std::runtime_error("a defect");
    }
    verdict.kind = Verdict::Kind::delay;
    verdict.delay = std::chrono::milliseconds(5);
  };
  ScriptedChain scripted({script});
  EXPECT_FALSE(scripted.log_in());
  EXPECT_EQ(scripted.ask("select 1").kind, Kind::delay);
  EXPECT_EQ(scripted.ask("select 1").kind, Kind::refuse);
  EXPECT_FALSE(scripted.chain.resume_at());
}

}  // namespace
}  // namespace sluice::proxy::middleware
