// Sessions with middleware: whatever fails and however a session ends, every Part is closed exactly
// once, in reverse order, and the backend is rolled back and returned.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <tuple>

#include "protocol/inspector.hpp"
#include "tests/proxy/chunk_conversation.hpp"
#include "tests/proxy/middleware/scripted.hpp"
#include "tests/proxy/session_house.hpp"

namespace sluice::proxy {
namespace {

using middleware::Diary;
using middleware::Phase;
using middleware::Script;
using protocol::Bytes;
using protocol::Exchange;
using testing::ElementsAre;

// What a session has done with its backend, for the test to look at afterwards.
struct Fate {
  int detached = 0;  // with an open transaction
  int asked = 0;
  int lost = 0;
};

class AskingConversation final : public ChunkConversation {
 public:
  explicit AskingConversation(Fate& fate) : fate_(fate) {}

  void inspect(protocol::Inspector* inspector, std::size_t) override { inspector_ = inspector; }
  protocol::Need from_client(Bytes& in, Exchange& out) override {
    if (in.empty()) {
      return protocol::Need::input;
    }
    const std::string text(in.begin(), in.end());
    if (text == "throw") {
      throw std::runtime_error("a defect");
    }
    if (!admitted_ && inspector_ != nullptr) {
      protocol::Request request;
      request.text = text;
      request.in_transaction = open_;
      request.may_move = !attached_;
      const auto verdict = inspector_->ask(request);
      if (verdict.kind == protocol::Verdict::Kind::delay) {
        return protocol::Need::pause;
      }
      if (verdict.kind == protocol::Verdict::Kind::refuse) {
        const std::string& why = verdict.failure->text;
        out.to_client.own(protocol::Buffer(why.begin(), why.end()));
        in = {};
        return protocol::Need::input;
      }
    }
    admitted_ = true;
    if (!attached_) {
      return protocol::Need::backend;
    }
    admitted_ = false;
    return send(in, out);
  }
  void from_backend(Bytes in, Exchange& out) override {
    answer(protocol::Answer::End::done);
    out.facts.queries = 1;
    out.facts.transactions = open_ ? 0 : 1;
    ChunkConversation::from_backend(in, out);
  }
  protocol::Cleanup detach() override {
    attached_ = false;
    fate_.detached += open_ ? 1 : 0;
    lose();
    return std::exchange(open_, false) ? protocol::Cleanup::close : protocol::Cleanup::none;
  }
  protocol::Ending backend_lost(const protocol::Failure& failure, Exchange& out) override {
    lose();
    return ChunkConversation::backend_lost(failure, out);
  }

 private:
  void answer(protocol::Answer::End end) {
    if (inspector_ != nullptr) {
      protocol::Answer answered;
      answered.end = end;
      inspector_->answered(answered);
    }
  }
  void lose() {
    if (std::exchange(outstanding_, false)) {
      ++fate_.lost;
      answer(protocol::Answer::End::lost);
    }
  }

  Fate& fate_;
  protocol::Inspector* inspector_ = nullptr;
  bool admitted_ = false;
};

class SessionChain : public testing::Test {
 protected:
  // Each entry of a chain is a `tag` whose value names its script.
  static config::Middleware entry(const std::string& script) {
    config::Tag tag;
    tag.values = {{"script", script}};
    return {tag, {}};
  }
  void add(Script script, bool global) {
    auto& chain = global ? house.wanted->middleware : house.wanted->routes[0].middleware;
    chain.push_back(entry(script.name));
    scripts.push_back(std::move(script));
  }
  void open() {
    house.open([this](const config::MiddlewareOptions& options) -> middleware::Made {
      const std::string& name = std::get<config::Tag>(options).values.front().second;
      const auto found = std::find_if(scripts.begin(), scripts.end(),
                                      [&](const Script& one) { return one.name == name; });
      return middleware::scripted(*found, diary);
    });
  }
  std::vector<std::string> closed() const {
    std::vector<std::string> names;
    for (const std::string& line : diary) {
      if (line.ends_with(" close")) {
        names.push_back(line.substr(0, 1));
      }
    }
    return names;
  }
  bool told(const std::string& line) const {
    return std::find(diary.begin(), diary.end(), line) != diary.end();
  }

  Diary diary;
  std::vector<Script> scripts;
  Fate fate;
  SessionHouse house{[this] { return std::make_unique<AskingConversation>(fate); }};
};

enum class End : std::uint8_t { leaves, throws, killed, backend_lost, drained };

class SessionChainFails : public SessionChain,
                          public testing::WithParamInterface<std::tuple<Phase, int, End>> {};

// The middleware that fails is the first, the second or the third; the session then ends in each
// way in the middle of a transaction whose request is not answered.
TEST_P(SessionChainFails, AndIsClosedAndItsBackendReturned) {
  const auto [phase, at, end] = GetParam();
  for (int i = 0; i < 3; ++i) {
    Script script{std::string(1, static_cast<char>('a' + i))};
    script.throws = i == at ? phase : Phase::none;
    add(std::move(script), i < 2);
  }
  open();
  const bool at_login = phase == Phase::begin || phase == Phase::login;
  int backend = -1;
  if (at_login) {
    EXPECT_NE(received(house.client).find("failed"), std::string::npos);
    EXPECT_EQ(received(house.client), "");
  } else {
    backend = house.port.let_in();
    house.port.stop_listening();
    EXPECT_EQ(received(house.client), "w");
    say(house.client, "begin");
    if (phase == Phase::request) {
      EXPECT_NE(received(house.client).find("failed"), std::string::npos);
    } else {
      EXPECT_EQ(received(backend), "begin");
      say(backend, "began");
      EXPECT_EQ(received(house.client), "began");
      say(house.client, "update");
      EXPECT_EQ(received(backend), "update");
    }
    switch (end) {
      case End::leaves:
        break;
      case End::throws:
        say(house.client, "throw");
        EXPECT_EQ(received(house.client), "");
        break;
      case End::killed:
        house.server->stop_now();
        received(house.client);
        break;
      case End::backend_lost:
        ::close(std::exchange(backend, -1));
        break;
      case End::drained:
        house.server->drain();
        break;
    }
  }
  house.leave();
  backend >= 0 ? house.shut({backend}) : house.shut();
  house.expect_nothing_left();
  std::vector<std::string> expected{"c", "b", "a"};
  if (at_login) {
    const int begun = at + (phase == Phase::login ? 1 : 0);
    expected.erase(expected.begin(), expected.end() - begun);
  }
  EXPECT_EQ(closed(), expected);
}

INSTANTIATE_TEST_SUITE_P(Each, SessionChainFails,
                         testing::Combine(testing::Values(Phase::none, Phase::begin, Phase::login,
                                                          Phase::request, Phase::decided,
                                                          Phase::answer, Phase::end),
                                          testing::Values(0, 2),
                                          testing::Values(End::leaves, End::throws, End::killed,
                                                          End::backend_lost, End::drained)));

TEST_F(SessionChain, ARefusedLoginTouchesNoBackendAndIsWordedByItsRoute) {
  Script script{"a"};
  script.login = [](middleware::Login& login, middleware::Verdict& verdict) {
    ASSERT_EQ(login.attributes.size(), 1U);
    EXPECT_EQ(login.attributes[0].second, "t0ken");
    verdict.refuse(middleware::RefusalReason::token_unknown,
                   protocol::fail(protocol::FailureKind::token_invalid, "token not valid"));
  };
  add(script, false);
  house.wanted->routes[0].on_refuse.message = "X-Token header invalid";
  open();
  EXPECT_EQ(received(house.client), "X-Token header invalid");
  EXPECT_EQ(received(house.client), "");
  house.shut();
  house.expect_nothing_left();
  EXPECT_EQ(house.pool("main").instruments(0).connections_opened.value(), 0U);
  EXPECT_THAT(diary, ElementsAre("a login", "a out token_unknown", "a close"));
}

TEST_F(SessionChain, WhatMiddlewareLeavesIsWhatTheSessionStartsWith) {
  Script script{"a"};
  script.login = [](middleware::Login& login, middleware::Verdict&) {
    login.settings = {{"app.user", "marie"}};
    login.fixed = {"app.user"};
    login.read_only = true;
  };
  script.wants = {};
  add(script, true);
  house.wanted->routes[0].init_sql = "SET search_path = pets";
  house.wanted->routes[0].isolation_level = "SERIALIZABLE";
  open();
  const int backend = house.port.let_in();
  EXPECT_EQ(received(house.client), "w");
  house.leave();
  house.shut({backend});
  EXPECT_THAT(house.dialect.begun_with, ElementsAre(testing::Pair("application_name", "test")))
      << "a token goes no further";
  const auto& defaults = *house.dialect.defaults_given;
  EXPECT_THAT(defaults.settings, ElementsAre(testing::Pair("search_path", "pets"),
                                             testing::Pair("app.user", "marie")));
  EXPECT_THAT(defaults.fixed, ElementsAre("app.user"));
  EXPECT_TRUE(defaults.read_only && defaults.read_only_fixed);
  EXPECT_EQ(defaults.isolation_level, "SERIALIZABLE");
}

TEST_F(SessionChain, ADelayedRequestGoesOnByItself) {
  Script script{"a"};
  script.request = [this](const protocol::Request&, middleware::Verdict& verdict) {
    if (++fate.asked < 3) {
      verdict.kind = middleware::Verdict::Kind::delay;
      verdict.delay = std::chrono::milliseconds(1);
    }
  };
  add(script, true);
  open();
  const int backend = house.port.let_in();
  EXPECT_EQ(received(house.client), "w");
  say(house.client, "select");
  EXPECT_EQ(received(backend), "select");
  say(backend, "row");
  EXPECT_EQ(received(house.client), "row");
  house.leave();
  house.shut({backend});
  house.expect_nothing_left();
  EXPECT_EQ(fate.asked, 3);
  EXPECT_TRUE(told("a answer select 0"));
}

class SessionDelayed : public SessionChain, public testing::WithParamInterface<End> {};

// A request that would be delayed for an hour: its session ends at once all the same.
TEST_P(SessionDelayed, EndsAtOnce) {
  Script script{"a"};
  script.request = [](const protocol::Request&, middleware::Verdict& verdict) {
    verdict.kind = middleware::Verdict::Kind::delay;
    verdict.delay = std::chrono::hours(1);
  };
  add(script, true);
  open();
  const int backend = house.port.let_in();
  EXPECT_EQ(received(house.client), "w");
  say(house.client, "select");
  if (GetParam() == End::leaves) {
    house.leave();
  } else if (GetParam() == End::killed) {
    house.server->stop_now();
    EXPECT_NE(received(house.client), "");
    EXPECT_EQ(received(house.client), "");
  } else {
    house.server->drain();
    std::string last_words;
    for (std::string more = received(house.client); !more.empty(); more = received(house.client)) {
      last_words += more;
    }
    EXPECT_NE(last_words.find("sluice is shutting down"), std::string::npos);
  }
  house.shut({backend});
  house.expect_nothing_left();
  EXPECT_THAT(closed(), ElementsAre("a"));
}

INSTANTIATE_TEST_SUITE_P(Each, SessionDelayed,
                         testing::Values(End::leaves, End::killed, End::drained));

TEST_F(SessionChain, ARequestMayGoToAnotherPool) {
  const BackendPort elsewhere;
  house.wanted->pools.push_back(elsewhere.pool("archive"));
  Script script{"a"};
  script.request = [](const protocol::Request& request, middleware::Verdict& verdict) {
    verdict.pool = request.text == "old" ? "archive" : "";
  };
  add(script, true);
  open();
  const int backend = house.port.let_in();
  EXPECT_EQ(received(house.client), "w");
  say(house.client, "old");
  const int other = elsewhere.let_in();
  EXPECT_EQ(received(other), "old");
  say(other, "from there");
  EXPECT_EQ(received(house.client), "from there");
  say(house.client, "new");
  EXPECT_EQ(received(backend), "new");
  say(backend, "from here");
  EXPECT_EQ(received(house.client), "from here");
  house.leave();
  house.shut({backend, other});
  house.expect_nothing_left();
  EXPECT_EQ(house.pool("archive").instruments(0).queries(metrics::QueryResult::ok).value(), 1U);
  EXPECT_EQ(house.pool("main").instruments(0).queries(metrics::QueryResult::ok).value(), 1U);
}

TEST_F(SessionChain, ATickEndsTheSession) {
  Script script{"a"};
  script.tick = [](const middleware::Moment& moment) -> middleware::Ending {
    return moment.in_transaction && !moment.running
               ? middleware::Ending(
                     protocol::fail(protocol::FailureKind::snapshot_too_old, "too old"))
               : std::nullopt;
  };
  add(script, true);
  house.wanted->limits.query_timeout = std::chrono::milliseconds(100);  // looked at every 10 ms
  open();
  const int backend = house.port.let_in();
  EXPECT_EQ(received(house.client), "w");
  say(house.client, "begin");
  EXPECT_EQ(received(backend), "begin");
  say(backend, "began");
  EXPECT_EQ(received(house.client), "began");
  EXPECT_EQ(received(house.client), "too old");
  EXPECT_EQ(received(house.client), "");
  house.shut({backend});
  house.expect_nothing_left();
  EXPECT_EQ(fate.detached, 1) << "with its transaction, which is not committed";
  EXPECT_THAT(closed(), ElementsAre("a"));
}

TEST_F(SessionChain, WithoutMiddlewareNobodyIsAsked) {
  Script script{"a"};
  script.wants = {};
  add(script, true);
  open();
  const int backend = house.port.let_in();
  EXPECT_EQ(received(house.client), "w");
  say(house.client, "select");
  EXPECT_EQ(received(backend), "select");
  say(backend, "row");
  EXPECT_EQ(received(house.client), "row");
  house.leave();
  house.shut({backend});
  EXPECT_THAT(diary, ElementsAre("a login", "a in", "a close"));
}

}  // namespace
}  // namespace sluice::proxy
