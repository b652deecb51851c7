#pragma once

// Middleware that does what a test says at each of its phases, and writes down what it was told.

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "metrics/labels.hpp"
#include "metrics/registry.hpp"
#include "proxy/middleware/background.hpp"
#include "proxy/middleware/chain.hpp"

namespace sluice::proxy::middleware {

enum class Phase : std::uint8_t { none, begin, login, request, decided, answer, end, tick, close };

// What one scripted middleware does; without a function it lets everything pass.
struct Script {
  std::string name;
  Phase throws = Phase::none;
  std::function<void(Login&, Verdict&)> login{};
  std::function<void(const protocol::Request&, Verdict&)> request{};
  std::function<Ending(const Moment&)> tick{};
  Wants wants{true, true, true, true, true, true, true, true};
  std::function<void(const Asked&)> answer{};
  std::function<bool(protocol::RequestKind)> passes{};  // of a gate; without it all pass
  Duration timeout{0};                                  // of a gate
};
using Diary = std::vector<std::string>;

class ScriptedPart final : public Part {
 public:
  ScriptedPart(const Script& script, Diary& diary) : script_(script), diary_(diary) {}
  void on_login(Login& login, Verdict& verdict) override {
    note(Phase::login, "login");
    if (script_.login) {
      script_.login(login, verdict);
    }
  }
  void on_login_end(const Login&, const Verdict& verdict) override {
    diary_.push_back(
        script_.name +
        (verdict.goes_on() ? " in" : " out " + std::string(metrics::label_of(verdict.reason))));
  }
  void on_request(const protocol::Request& request, const Now&, Verdict& verdict) override {
    note(Phase::request, "request");
    if (script_.request) {
      script_.request(request, verdict);
    }
  }
  bool passes(protocol::RequestKind kind, const Now&) override {
    diary_.push_back(script_.name + " passes");
    return !script_.passes || script_.passes(kind);
  }
  Duration timeout() const override { return script_.timeout; }
  void on_decided(const protocol::Request&, const Now&, const Verdict& verdict) override {
    note(Phase::decided, verdict.goes_on() ? "decided" : "decided against");
  }
  void on_answer(const Asked& asked, const protocol::Answer& answer, const Now&) override {
    note(Phase::answer, "answer " + asked.text + " " + std::to_string(answer.rows));
    if (script_.answer) {
      script_.answer(asked);
    }
  }
  void on_transaction_end(const TransactionEnd&) override { note(Phase::end, "end"); }
  Ending on_tick(const Moment& moment) override {
    note(Phase::tick, "tick");
    return script_.tick ? script_.tick(moment) : std::nullopt;
  }
  void on_close(const Now&) noexcept override { diary_.push_back(script_.name + " close"); }

 private:
  void note(Phase phase, const std::string& what) {
    diary_.push_back(script_.name + " " + what);
    if (script_.throws == phase) {
      throw std::runtime_error("a defect");
    }
  }
  const Script& script_;
  Diary& diary_;
};

class ScriptedMiddleware final : public Middleware {
 public:
  ScriptedMiddleware(Script script, Diary& diary) : script_(std::move(script)), diary_(diary) {}
  std::string_view name() const override { return script_.name; }
  Wants wants() const override { return script_.wants; }
  std::unique_ptr<Part> begin(const Place&) override {
    if (script_.throws == Phase::begin) {
      throw std::runtime_error("a defect");
    }
    return std::make_unique<ScriptedPart>(script_, diary_);
  }

 private:
  const Script script_;
  Diary& diary_;
};

inline std::unique_ptr<Middleware> scripted(Script script, Diary& diary) {
  return std::make_unique<ScriptedMiddleware>(std::move(script), diary);
}

// A clock that stands still unless it is moved.
class StillTime final : public TimeSource {
 public:
  Now now() const override { return at; }
  Now at{TimePoint(std::chrono::hours(1)), WallTime(std::chrono::hours(1))};
};

// A chain of scripts for one session.
struct ScriptedChain {
  explicit ScriptedChain(std::vector<Script> global, std::vector<Script> of_route = {})
      : global_entries(entries(std::move(global))), route_entries(entries(std::move(of_route))) {}

  Entries entries(std::vector<Script> scripts) {
    Entries made;
    for (Script& script : scripts) {
      Entry& entry = made.emplace_back();
      entry.wants = script.wants;
      entry.instruments = {registry.lend_middleware("", script.name)};
      entry.middleware = std::make_unique<ScriptedMiddleware>(std::move(script), diary);
    }
    return made;
  }
  // As a session does it.
  Chain::Refusal log_in() {
    Login login{chain.identity(), attributes, chain.now()};
    if (auto refusal = chain.enter(global_entries, login)) {
      return refusal;
    }
    route.name = "reports";
    route.pool = "main";
    chain.take_route(route);
    return chain.enter(route_entries, login);
  }
  protocol::Verdict ask(std::string_view text, bool may_move = false,
                        protocol::RequestKind kind = protocol::RequestKind::query) {
    protocol::Request request;
    request.kind = kind;
    request.text = text;
    request.may_move = may_move;
    return chain.ask(request);
  }
  void answer(std::uint64_t rows) {
    protocol::Answer answer;
    answer.rows = rows;
    chain.answered(answer);
  }
  metrics::MiddlewareInstruments& instruments(std::size_t entry) {
    return *global_entries[entry].instruments.front();
  }
  Diary take_diary() { return std::exchange(diary, {}); }

  Diary diary;
  metrics::Registry registry{"test"};
  StillTime time;
  Background background{16};
  protocol::Parameters attributes;
  config::Route route;
  Entries global_entries;
  Entries route_entries;
  Chain chain{Identity{}, Surroundings{time, background, 0}};
};

}  // namespace sluice::proxy::middleware
