// What operators see of a running server, and what they have done to it.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "proxy/operator/house.hpp"
#include "tests/proxy/chunk_conversation.hpp"
#include "tests/proxy/session_house.hpp"

namespace sluice::proxy::op {
namespace {

using namespace std::chrono_literals;
using protocol::Bytes;
using protocol::Exchange;

const Actor kOps{"ops", "console"};

// Who gets no backend is told why, and may ask again.
class PlainConversation final : public ChunkConversation {
 public:
  protocol::Need from_client(Bytes& in, Exchange& out) override {
    if (refused_) {
      refused_ = false;
      in = {};
    }
    if (in.empty()) {
      return protocol::Need::input;
    }
    return attached_ ? send(in, out) : protocol::Need::backend;
  }
  protocol::Ending refuse(const protocol::Failure& failure, Exchange& out) override {
    refused_ = true;
    out.to_client.own(protocol::Buffer(failure.text.begin(), failure.text.end()));
    return protocol::Ending::carry_on;
  }

 private:
  bool refused_ = false;
};

template <typename Condition>
testing::AssertionResult soon(Condition condition) {
  for (const auto limit = Clock::now() + 5s; Clock::now() < limit;) {
    if (condition()) {
      return testing::AssertionSuccess();
    }
    std::this_thread::sleep_for(2ms);
  }
  return testing::AssertionFailure() << "not within five seconds";
}

struct HouseTest : testing::Test {
  HouseTest() {
    inn.before_start = [this](Server& server) {
      house.emplace(server, inn.registry, About{"1.2", "sluice.yaml", "epoll"});
    };
  }
  // The client is in, and its backend is idle.
  void open() {
    inn.open();
    backend = inn.port.let_in();
    ASSERT_EQ(received(inn.client), "w");
    ASSERT_TRUE(soon([this] { return pool().idle == 1; }));
  }
  void ask(const std::string& request) {
    say(inn.client, request);
    ASSERT_EQ(received(backend), request);
    say(backend, "ok");
    ASSERT_EQ(received(inn.client), "ok");
  }
  // Sluice says goodbye to the backend and closes.
  void expect_closed() {
    EXPECT_EQ(received(backend).substr(0, 1), "X");
    EXPECT_EQ(received(backend), "");
    ::close(backend);
  }
  PoolView pool() { return house->pools().at(0); }
  void end(std::initializer_list<int> backends = {}) {
    inn.leave();
    inn.shut(backends);
    inn.expect_nothing_left();
  }

  std::optional<House> house;
  SessionHouse inn{[] { return std::make_unique<PlainConversation>(); }};
  int backend = -1;
};

TEST_F(HouseTest, ShowsPoolsSessionsAndBackends) {
  open();
  ask("begin");
  const auto sessions = house->sessions();
  ASSERT_EQ(sessions.size(), 1U);
  EXPECT_EQ(sessions[0].user, "app");
  EXPECT_EQ(sessions[0].pool, "main");
  EXPECT_EQ(sessions[0].route, "all");
  EXPECT_EQ(sessions[0].state, metrics::ClientState::active);
  EXPECT_TRUE(sessions[0].in_transaction);
  const auto backends = house->backends();
  ASSERT_EQ(backends.size(), 1U);
  EXPECT_EQ(backends[0].state, BackendState::used);
  EXPECT_EQ(backends[0].session, sessions[0].id);
  EXPECT_EQ(backends[0].id, sessions[0].backend);
  EXPECT_EQ(pool().used, 1U);
  EXPECT_EQ(pool().clients_active, 1U);
  ask("commit");
  EXPECT_TRUE(soon([this] { return house->backends()[0].state == BackendState::idle; }));
  EXPECT_EQ(house->sessions()[0].backend, 0U);
  EXPECT_EQ(pool().clients_idle, 1U);
  EXPECT_EQ(pool().up, true);
  EXPECT_EQ(house->status().clients, 1U);
  EXPECT_EQ(house->routes().at(0).match, "all");
  EXPECT_EQ(house->routes().at(0).sessions, 1U);
  EXPECT_GT(house->totals().at(0).bytes_from_clients, 0U);
  end({backend});
}

TEST_F(HouseTest, ShowsAPoolThatNobodyHasAskedForYet) {
  config::Pool spare = inn.port.pool("spare");
  inn.wanted->pools.push_back(spare);
  open();
  const auto pools = house->pools();
  ASSERT_EQ(pools.size(), 2U);
  EXPECT_TRUE(pools[0].made);
  EXPECT_EQ(pools[1].name, "spare");
  EXPECT_FALSE(pools[1].made);
  EXPECT_FALSE(pools[1].up.has_value());
  end({backend});
}

TEST_F(HouseTest, WhoWaitsInAPausedPoolIsNotTimedOutAndServedAtItsResume) {
  inn.wanted->pools[0].pool_timeout = 50ms;
  open();
  ASSERT_TRUE(house->pause("main", kOps).ok());
  expect_closed();
  EXPECT_TRUE(soon([this] { return *house->pause_done("main"); }));
  say(inn.client, "ask");
  ASSERT_TRUE(soon([this] { return pool().oldest_wait > 200ms; }));
  EXPECT_TRUE(pool().paused);
  EXPECT_EQ(pool().clients_waiting, 1U);
  ASSERT_TRUE(house->resume("main", kOps).ok());
  backend = inn.port.let_in();
  ASSERT_EQ(received(backend), "ask");
  say(backend, "ok");
  EXPECT_EQ(received(inn.client), "ok");
  EXPECT_FALSE(house->pause_done("main").ok()) << "it is not paused any more";
  end({backend});
}

TEST_F(HouseTest, APauseIsDoneWhenTheTransactionsHaveEnded) {
  open();
  ask("begin");
  ASSERT_TRUE(house->pause("", kOps).ok());
  ask("more");
  EXPECT_FALSE(*house->pause_done("main"));
  ask("commit");
  expect_closed();
  EXPECT_TRUE(soon([this] { return *house->pause_done("main"); }));
  end();
}

TEST_F(HouseTest, OtherSizesAreInForceAndCostNobodyHisConnection) {
  config::Pool spare = inn.port.pool("spare");
  inn.wanted->pools.push_back(spare);
  open();
  ask("begin");
  ASSERT_TRUE(house->resize("main", {3, -1, 0}, {"", "schedule"}).ok());
  EXPECT_EQ(pool().pool_size, 3U);
  EXPECT_EQ(pool().max_overflow, -1);
  EXPECT_EQ(house->config()->find_pool("main")->pool_size, 3U);
  ASSERT_TRUE(house->resize("spare", {7, 0, 0}, kOps).ok()) << "nobody has asked for it yet";
  EXPECT_EQ(house->pools().at(1).pool_size, 7U);
  EXPECT_EQ(pool().pool_size, 3U);
  ask("commit");
  EXPECT_TRUE(soon([this] { return pool().idle == 1; }));
  const auto events = house->events(0);
  EXPECT_EQ(events.at(events.size() - 2).kind, "resize");
  EXPECT_EQ(events.at(events.size() - 2).text, "pool_size 3, max_overflow -1, min_idle 0");
  EXPECT_EQ(events.at(events.size() - 2).by, "schedule");
  EXPECT_EQ(events.back().by, "ops");
  end({backend});
}

TEST_F(HouseTest, SizesThatNoPoolCouldHaveChangeNothing) {
  open();
  const std::size_t before = pool().pool_size;
  for (const auto& sizes : {config::schedule::Sizes{0, 0, 0}, {2, -2, 0}, {2, 0, 3}, {2, 0, 100}}) {
    EXPECT_FALSE(house->resize("main", sizes, kOps).ok());
  }
  const auto unknown = house->resize("mine", {5, 0, 0}, kOps);
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.failure().kind, protocol::FailureKind::unknown_database);
  EXPECT_EQ(pool().pool_size, before);
  end({backend});
}

TEST_F(HouseTest, ADrainDoesNotWaitForAPausedPool) {
  open();
  ASSERT_TRUE(house->pause("main", kOps).ok());
  expect_closed();
  say(inn.client, "ask");
  ASSERT_TRUE(soon([this] { return pool().waiting == 1; }));
  inn.server->drain();
  EXPECT_NE(received(inn.client).find("shutting down"), std::string::npos);
  end();
}

TEST_F(HouseTest, APauseHoldsForPoolsThatAreMadeLater) {
  config::Pool spare = inn.port.pool("spare");
  inn.wanted->pools.push_back(spare);
  open();
  ASSERT_TRUE(house->pause("spare", kOps).ok());
  const auto later = inn.server->pools().get(*inn.wanted->find_pool("spare"), "app", "app");
  EXPECT_TRUE(later->slots.paused());
  ask("ask");  // the other pool goes on
  end({backend});
}

TEST_F(HouseTest, ReconnectClosesWhatIsOpenWhenItIsFree) {
  open();
  ask("begin");
  ASSERT_TRUE(house->reconnect("main", kOps).ok());
  EXPECT_FALSE(*house->reconnect_done("main"));
  ask("commit");
  expect_closed();
  EXPECT_TRUE(soon([this] { return *house->reconnect_done("main"); }));
  say(inn.client, "ask");
  backend = inn.port.let_in();
  ASSERT_EQ(received(backend), "ask");
  say(backend, "ok");
  ASSERT_EQ(received(inn.client), "ok");
  ask("again");  // the new one stays
  end({backend});
}

TEST_F(HouseTest, ClientsAreSentAwayAtTheEndOfTheirTransactions) {
  open();
  ask("begin");
  ASSERT_TRUE(house->reconnect_clients("main", kOps).ok());
  ask("more");
  say(inn.client, "commit");
  ASSERT_EQ(received(backend), "commit");
  say(backend, "ok");
  EXPECT_EQ(received(inn.client).substr(0, 2), "ok");
  EXPECT_TRUE(soon([this] { return inn.server->empty(); }));
  end({backend});
}

TEST_F(HouseTest, KillEndsSessionsAndConnectionsAndPauses) {
  open();
  ask("begin");
  ASSERT_TRUE(house->kill("main", kOps).ok());
  EXPECT_NE(received(inn.client).find("an operator has ended"), std::string::npos);
  EXPECT_EQ(received(inn.client), "");
  EXPECT_EQ(received(backend).substr(0, 1), "X");
  ::close(backend);
  EXPECT_TRUE(soon([this] { return *house->pause_done("main"); }));
  end();
}

TEST_F(HouseTest, KillsOneSession) {
  open();
  EXPECT_FALSE(house->kill_session(12345, kOps).ok());
  ASSERT_TRUE(house->kill_session(house->sessions().at(0).id, kOps).ok());
  EXPECT_NE(received(inn.client).find("an operator has ended"), std::string::npos);
  EXPECT_EQ(received(inn.client), "");
  end({backend});
}

TEST_F(HouseTest, ADisabledPoolTakesNoNewSessions) {
  open();
  ASSERT_TRUE(house->disable("main", kOps).ok());
  const int refused = inn.come();
  EXPECT_NE(received(refused).find("pool main is disabled"), std::string::npos);
  ::close(refused);
  ask("ask");  // who is in goes on
  EXPECT_TRUE(pool().disabled);
  ASSERT_TRUE(house->enable("main", kOps).ok());
  const int welcome = inn.come();
  EXPECT_EQ(received(welcome), "w");
  ::close(welcome);
  end({backend});
}

TEST_F(HouseTest, UnknownPoolsFailAndChangeNothing) {
  open();
  const auto status = house->pause("none", kOps);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.failure().text.find("none"), std::string::npos);
  for (const bool ok : {house->resume("none", kOps).ok(), house->kill("none", kOps).ok(),
                        house->disable("none", kOps).ok(), house->reconnect("none", kOps).ok(),
                        house->pause_done("none").ok()}) {
    EXPECT_FALSE(ok);
  }
  EXPECT_TRUE(house->events(0).empty());
  end({backend});
}

TEST_F(HouseTest, EveryActionIsAnEvent) {
  open();
  ASSERT_TRUE(house->disable("main", kOps).ok());
  ASSERT_TRUE(house->enable("main", {"", "signal"}).ok());
  const auto events = house->events(0);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, "disable");
  EXPECT_EQ(events[0].pool, "main");
  EXPECT_EQ(events[0].by, "ops");
  EXPECT_EQ(events[1].by, "signal");
  ASSERT_EQ(house->events(events[0].number).size(), 1U);
  EXPECT_EQ(house->events(events[0].number)[0].kind, "enable");
  end({backend});
}

TEST_F(HouseTest, TellsOfABackendThatGoesDownAndComesBackOnce) {
  open();
  BackendPool& main = inn.pool("main");
  const auto down = protocol::fail(protocol::FailureKind::backend_unreachable, "refused");
  main.note_failure(down, Clock::now());
  main.note_failure(down, Clock::now());
  EXPECT_EQ(pool().up, false);
  EXPECT_EQ(pool().last_error, "refused");
  main.note_success({});
  const auto events = house->events(0);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, "backend_down");
  EXPECT_EQ(events[1].kind, "backend_up");
  end({backend});
}

TEST_F(HouseTest, WhatHasNoHookIsRefused) {
  open();
  EXPECT_FALSE(house->reload(kOps).ok());
  EXPECT_FALSE(house->shutdown(ShutdownMode::drain, kOps).ok());
  EXPECT_TRUE(house->fingerprints().empty());
  EXPECT_FALSE(house->set_log_level("loud", kOps).ok());
  house->on_reload([](const Actor&) {
    return protocol::fail(protocol::FailureKind::internal, "line 3: no such key");
  });
  EXPECT_FALSE(house->reload(kOps).ok());
  EXPECT_FALSE(house->status().reload_ok);
  EXPECT_EQ(house->status().reload_error, "line 3: no such key");
  end({backend});
}

}  // namespace
}  // namespace sluice::proxy::op
