// The order of a chain's phases, and what its verdicts come to.

#include "proxy/middleware/chain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/proxy/middleware/scripted.hpp"

namespace sluice::proxy::middleware {
namespace {

using metrics::MiddlewareVerdict;
using protocol::FailureKind;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using Kind = protocol::Verdict::Kind;

Script refusing(std::string name) {
  Script script{std::move(name)};
  script.request = [](const protocol::Request&, Verdict& verdict) {
    verdict.refuse(RefusalReason::rule, protocol::fail(FailureKind::statement_refused, "no"));
  };
  return script;
}

Script delaying(std::string name, Duration delay, const bool& now_goes) {
  Script script{std::move(name)};
  script.request = [delay, &now_goes](const protocol::Request&, Verdict& verdict) {
    if (!now_goes) {
      verdict.kind = Verdict::Kind::delay;
      verdict.delay = delay;
    }
  };
  return script;
}

TEST(Chain, RunsTheGlobalChainAndThenTheRoutesInTheirOrder) {
  ScriptedChain scripted({{"a"}, {"b"}}, {{"c"}});
  EXPECT_FALSE(scripted.log_in());
  EXPECT_EQ(scripted.chain.identity().route, "reports");
  EXPECT_EQ(scripted.ask("select 1").kind, Kind::allow);
  scripted.answer(3);
  scripted.chain.transactions_ended(1);
  EXPECT_FALSE(scripted.chain.tick({}));
  scripted.chain.close();
  EXPECT_THAT(scripted.diary, ElementsAre("a login", "b login", "c login",        //
                                          "a request", "b request", "c request",  //
                                          "a decided", "b decided", "c decided",  //
                                          "a answer select 1 3", "b answer select 1 3",
                                          "c answer select 1 3", "a end", "b end", "c end",  //
                                          "a tick", "b tick", "c tick",                      //
                                          "c close", "b close", "a close"));
}

TEST(Chain, TellsAllWhoWereThereHowTheLoginEnded) {
  Script refusing{"b"};
  refusing.login = [](Login&, Verdict& verdict) {
    verdict.refuse(RefusalReason::address, protocol::fail(FailureKind::address_refused, "no"));
  };
  for (const bool refused : {false, true}) {
    ScriptedChain scripted({{"a"}, refused ? refusing : Script{"b"}, {"c"}});
    const protocol::Parameters none;
    Login login{scripted.chain.identity(), none, scripted.chain.now()};
    const auto refusal = scripted.chain.enter(scripted.global_entries, login);
    scripted.take_diary();
    scripted.chain.login_ended(login, refusal ? &*refusal : nullptr);
    if (refused) {
      EXPECT_THAT(scripted.diary, ElementsAre("a out address", "b out address"));
    } else {
      EXPECT_THAT(scripted.diary, ElementsAre("a in", "b in", "c in"));
    }
  }
}

TEST(Chain, CallsOnlyForWhatIsWanted) {
  Script idle{"idle"};
  idle.wants = {};
  ScriptedChain scripted({idle});
  EXPECT_FALSE(scripted.log_in());
  EXPECT_FALSE(scripted.chain.inspects());
  EXPECT_FALSE(scripted.chain.empty());
  scripted.ask("select 1");
  scripted.answer(1);
  scripted.chain.transactions_ended(1);
  scripted.chain.tick({});
  EXPECT_THAT(scripted.take_diary(), ElementsAre("idle login"));
}

TEST(Chain, WithoutEntriesAsksForNothing) {
  ScriptedChain scripted({});
  EXPECT_FALSE(scripted.log_in());
  EXPECT_TRUE(scripted.chain.empty());
  EXPECT_FALSE(scripted.chain.inspects());
}

TEST(Chain, StopsAtTheFirstThatRefusesARequest) {
  ScriptedChain scripted({{"a"}, refusing("b"), {"c"}});
  EXPECT_FALSE(scripted.log_in());
  scripted.take_diary();
  const auto verdict = scripted.ask("drop table pets");
  EXPECT_EQ(verdict.kind, Kind::refuse);
  EXPECT_EQ(verdict.failure->kind, FailureKind::statement_refused);
  EXPECT_THAT(scripted.take_diary(), ElementsAre("a request", "b request", "a decided against",
                                                 "b decided against", "c decided against"));
  EXPECT_EQ(scripted.instruments(1).verdicts(MiddlewareVerdict::refused).value(), 1U);
  EXPECT_EQ(scripted.instruments(1).refusals(RefusalReason::rule).value(), 1U);
  EXPECT_EQ(scripted.instruments(2).verdicts(MiddlewareVerdict::allowed).value(), 0U);
  scripted.answer(1);  // nothing is owed for a refused one
  EXPECT_THAT(scripted.take_diary(), IsEmpty());
}

TEST(Chain, RefusesALoginAndClosesWhatHadBegun) {
  Script refuses{"b"};
  refuses.login = [](Login&, Verdict& verdict) {
    verdict.refuse(RefusalReason::token_expired,
                   protocol::fail(FailureKind::token_invalid, "token missing or not valid"));
  };
  ScriptedChain scripted({{"a"}, refuses, {"c"}});
  const auto refusal = scripted.log_in();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->text, "token missing or not valid");
  EXPECT_EQ(refusal->detail, "b: token_expired") << "for the log alone";
  scripted.chain.close();
  EXPECT_THAT(scripted.diary, ElementsAre("a login", "b login", "b close", "a close"));
  EXPECT_EQ(scripted.instruments(1).refusals(RefusalReason::token_expired).value(), 1U);
}

TEST(Chain, WordsRefusalsAsTheRouteSaysOnceItIsKnown) {
  ScriptedChain scripted({refusing("a")}, {});
  scripted.route.on_refuse = {"X-Token header invalid", "28000", 4711};
  EXPECT_FALSE(scripted.log_in());
  const auto verdict = scripted.ask("select 1");
  EXPECT_EQ(verdict.failure->text, "X-Token header invalid");
  EXPECT_EQ(verdict.failure->sqlstate(), "28000");
  EXPECT_EQ(verdict.failure->mysql_errno(), 4711);
  EXPECT_EQ(verdict.failure->kind, FailureKind::statement_refused);
  EXPECT_EQ(verdict.failure->detail, "no") << "what it was, for the log";
}

TEST(Chain, TheRoutesWordsDoNotHoldBeforeItIsKnown) {
  Script refuses{"a"};
  refuses.login = [](Login&, Verdict& verdict) {
    verdict.refuse(RefusalReason::address, protocol::fail(FailureKind::address_refused, "no"));
  };
  ScriptedChain global({refuses});
  global.route.on_refuse.message = "later";
  EXPECT_EQ(global.log_in()->text, "no");
  ScriptedChain of_route({}, {refuses});
  of_route.route.on_refuse.message = "later";
  EXPECT_EQ(of_route.log_in()->text, "later");
}

TEST(Chain, TheShortestTimeoutAndTheSmallestLimitsCountAndTheLastPool) {
  const auto bounds = [](std::string name, milliseconds timeout, std::uint64_t rows,
                         std::string pool) {
    Script script{std::move(name)};
    script.request = [=](const protocol::Request&, Verdict& verdict) {
      verdict.timeout = timeout;
      verdict.limits.rows = rows;
      verdict.pool = pool;
    };
    return script;
  };
  ScriptedChain scripted({bounds("a", milliseconds(20), 0, "first"),
                          bounds("b", milliseconds(50), 9, "second"),
                          bounds("c", milliseconds(0), 70, "third")});
  EXPECT_FALSE(scripted.log_in());
  const auto verdict = scripted.ask("select 1", true);
  EXPECT_EQ(verdict.limits.rows, 9U);
  EXPECT_EQ(scripted.chain.running().timeout, milliseconds(20));
  EXPECT_EQ(scripted.chain.take_pool(), "third");
  EXPECT_EQ(scripted.chain.take_pool(), "") << "told once";
  scripted.ask("select 1", false);
  EXPECT_EQ(scripted.chain.take_pool(), "") << "a session that is bound to a backend stays there";
}

TEST(Chain, AnAnswerComesFromThePoolThatItsSessionWasMovedTo) {
  std::string pool;
  std::vector<std::string> pools;
  Script script{"a"};
  script.request = [&](const protocol::Request&, Verdict& verdict) { verdict.pool = pool; };
  script.answer = [&](const Asked& asked) { pools.push_back(asked.pool); };
  ScriptedChain scripted({script});
  EXPECT_FALSE(scripted.log_in());
  EXPECT_EQ(scripted.chain.identity().pool, "main");
  const auto run = [&](bool may_move) {
    scripted.ask("select 1", may_move);
    scripted.chain.answered({});
  };
  run(true);
  pool = "archive";
  run(true);
  pool = "";
  run(false);  // in the transaction that began there
  run(true);
  EXPECT_EQ(pools, (std::vector<std::string>{"", "archive", "archive", ""}));
}

TEST(Chain, RewritesPassOn) {
  const auto adds = [](std::string name) {
    Script script{name};
    script.request = [name](const protocol::Request& request, Verdict& verdict) {
      verdict.text = (verdict.text.empty() ? std::string(request.text) : verdict.text) + name;
      verdict.kind = Verdict::Kind::rewrite;
    };
    return script;
  };
  ScriptedChain scripted({adds("a"), {"none"}, adds("b")});
  EXPECT_FALSE(scripted.log_in());
  const auto verdict = scripted.ask("select 1 ");
  EXPECT_EQ(verdict.kind, Kind::rewrite);
  EXPECT_EQ(verdict.text, "select 1 ab");
  EXPECT_EQ(scripted.instruments(0).verdicts(MiddlewareVerdict::rewritten).value(), 1U);
  EXPECT_EQ(scripted.instruments(1).verdicts(MiddlewareVerdict::allowed).value(), 1U);
  EXPECT_EQ(scripted.instruments(2).verdicts(MiddlewareVerdict::rewritten).value(), 1U);
}

TEST(Chain, ADelayedRequestGoesOnWhereItStopped) {
  bool goes = false;
  ScriptedChain scripted({{"a"}, delaying("b", milliseconds(40), goes), {"c"}});
  EXPECT_FALSE(scripted.log_in());
  scripted.take_diary();
  EXPECT_EQ(scripted.ask("select 1").kind, Kind::delay);
  EXPECT_EQ(scripted.chain.resume_at(), scripted.time.at.steady + milliseconds(40));
  EXPECT_EQ(scripted.ask("select 1").kind, Kind::delay) << "asked too early";
  goes = true;
  scripted.time.at.steady += milliseconds(40);
  EXPECT_EQ(scripted.ask("select 1").kind, Kind::allow);
  EXPECT_FALSE(scripted.chain.resume_at());
  EXPECT_THAT(scripted.take_diary(),
              ElementsAre("a request", "b request", "b request", "b request", "c request",
                          "a decided", "b decided", "c decided"));
  auto& delayed = scripted.instruments(1);
  EXPECT_EQ(delayed.verdicts(MiddlewareVerdict::delayed).value(), 1U);
  EXPECT_EQ(delayed.delay.sum_nanoseconds(), 40'000'000U);
}

TEST(Chain, ADelayWithoutAnEndIsAskedAgainALittleLater) {
  const bool goes = false;
  ScriptedChain scripted({delaying("a", Duration::zero(), goes)});
  EXPECT_FALSE(scripted.log_in());
  EXPECT_EQ(scripted.ask("select 1").kind, Kind::delay);
  EXPECT_GT(scripted.chain.resume_at(), scripted.time.at.steady);
}

TEST(Chain, ADelayedRequestCanBeGivenUp) {
  const bool goes = false;
  ScriptedChain scripted({delaying("a", milliseconds(40), goes)});
  EXPECT_FALSE(scripted.log_in());
  EXPECT_EQ(scripted.ask("select 1").kind, Kind::delay);
  scripted.chain.give_up_delayed(protocol::fail(FailureKind::cancelled, "cancelled"));
  const auto verdict = scripted.ask("select 1");
  EXPECT_EQ(verdict.kind, Kind::refuse);
  EXPECT_EQ(verdict.failure->kind, FailureKind::cancelled);
  EXPECT_EQ(scripted.ask("select 2").kind, Kind::delay) << "the next one is a request of its own";
}

TEST(Chain, AnswersGoToTheirRequestsInOrder) {
  ScriptedChain scripted({{"a"}});
  EXPECT_FALSE(scripted.log_in());
  scripted.take_diary();
  for (int i = 0; i < 100; ++i) {
    scripted.ask(std::to_string(i));
    if (i > 0) {  // one is always behind
      scripted.take_diary();
      scripted.answer(static_cast<std::uint64_t>(i));
      EXPECT_THAT(scripted.take_diary(),
                  ElementsAre("a answer " + std::to_string(i - 1) + " " + std::to_string(i)));
    }
  }
  scripted.ask("prepared", false, protocol::RequestKind::prepare);
  scripted.take_diary();
  scripted.answer(7);
  EXPECT_THAT(scripted.take_diary(), ElementsAre("a answer 99 7")) << "a prepare has no answer";
  scripted.answer(8);
  EXPECT_THAT(scripted.take_diary(), IsEmpty());
}

TEST(Chain, TheTimeoutOfTheOldestRequestRuns) {
  Script script{"a"};
  script.request = [](const protocol::Request& request, Verdict& verdict) {
    verdict.timeout = milliseconds(request.text == "slow" ? 50 : 10);
  };
  ScriptedChain scripted({script});
  EXPECT_FALSE(scripted.log_in());
  EXPECT_EQ(scripted.chain.running().timeout, Duration::zero());
  const TimePoint start = scripted.time.at.steady;
  scripted.ask("slow");
  scripted.ask("quick");
  EXPECT_EQ(scripted.chain.running().timeout, milliseconds(50));
  EXPECT_EQ(scripted.chain.running().since, start);
  scripted.time.at.steady += milliseconds(30);
  scripted.answer(0);
  EXPECT_EQ(scripted.chain.running().timeout, milliseconds(10));
  EXPECT_EQ(scripted.chain.running().since, start + milliseconds(30));
}

TEST(Chain, ATickMayEndTheSession) {
  Script script{"a"};
  script.tick = [](const Moment& moment) -> Ending {
    return moment.in_transaction ? Ending(protocol::fail(FailureKind::snapshot_too_old, "too old"))
                                 : std::nullopt;
  };
  ScriptedChain scripted({script, {"b"}});
  EXPECT_FALSE(scripted.log_in());
  EXPECT_FALSE(scripted.chain.tick({}));
  Moment moment;
  moment.in_transaction = true;
  const auto ended = scripted.chain.tick(moment);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->why.kind, FailureKind::snapshot_too_old);
  EXPECT_EQ(ended->middleware, "a");
  EXPECT_EQ(scripted.instruments(0).ended.value(), 1U);
}

TEST(Chain, DigestsAreMadeForThoseWhoWantThem) {
  std::shared_ptr<const protocol::sql::Digest> kept;
  ScriptedChain scripted({{"a"}});
  EXPECT_FALSE(scripted.log_in());
  protocol::Request request;
  request.kind = protocol::RequestKind::execute;
  request.text = "select 1";
  request.kept = &kept;
  EXPECT_EQ(scripted.chain.ask(request).kind, Kind::allow);
  EXPECT_NE(kept, nullptr);
}

}  // namespace
}  // namespace sluice::proxy::middleware
