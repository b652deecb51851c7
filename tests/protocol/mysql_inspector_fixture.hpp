#pragma once

// A conversation with an Inspector that follows a script and writes down what it sees.

#include <deque>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/inspector.hpp"
#include "tests/protocol/mysql_conversation_fixture.hpp"

namespace sluice::protocol::mysql {

struct ScriptedInspector final : Inspector {
  struct Seen {
    RequestKind kind;
    std::string text;
    bool truncated;
    bool in_transaction;
    bool may_move;
  };

  bool waves_through(RequestKind kind) override { return waved_through.contains(kind); }
  Verdict ask(const Request& request) override {
    asked.push_back({request.kind, std::string(request.text), request.truncated,
                     request.in_transaction, request.may_move});
    if (want_digest) {
      digests.push_back(&request.digest());
    }
    if (script.empty()) {
      return always;
    }
    Verdict verdict = std::move(script.front());
    script.pop_front();
    return verdict;
  }
  void answered(const Answer& answer) override {
    static constexpr std::array kEnds{"done", "failed", "limited", "skipped", "lost"};
    std::string line = kEnds.at(static_cast<std::size_t>(answer.end));
    line += ' ' + std::to_string(answer.rows);
    if (answer.mysql_errno != 0) {
      line += ' ' + std::to_string(answer.mysql_errno) + ' ' + std::string(answer.sqlstate);
    }
    answers.push_back(std::move(line));
  }

  std::vector<Seen> asked;
  std::vector<std::string> answers;
  std::vector<const sql::Digest*> digests;
  std::deque<Verdict> script;  // the next verdicts; then `always`
  Verdict always;
  std::set<RequestKind> waved_through;
  bool want_digest = false;
};

inline Verdict refusal(FailureKind kind = FailureKind::statement_refused) {
  Verdict verdict;
  verdict.kind = Verdict::Kind::refuse;
  verdict.failure = fail(kind, "not here");
  return verdict;
}

inline Verdict delay() {
  Verdict verdict;
  verdict.kind = Verdict::Kind::delay;
  return verdict;
}

inline Verdict rewrite(std::string text) {
  Verdict verdict;
  verdict.kind = Verdict::Kind::rewrite;
  verdict.text = std::move(text);
  return verdict;
}

inline Verdict limited(std::uint64_t rows, std::uint64_t bytes = 0) {
  Verdict verdict;
  verdict.limits = {rows, bytes};
  return verdict;
}

using Answers = std::vector<std::string>;

class MysqlInspectorTest : public MysqlConversationTest {
 protected:
  void begin(std::uint32_t capabilities = kModern, std::size_t keep = 1U << 20U) {
    start(capabilities);
    conversation->inspect(&inspector, keep);
  }
  // The session begins on a backend that has been set up.
  void warm(std::uint32_t capabilities = kModern) {
    begin(capabilities);
    run("SELECT 1", pkt(1, ok()));
    told();
    inspector.asked.clear();
    inspector.answers.clear();
  }
  Ending lose() {
    const Ending ending =
        conversation->backend_lost(fail(FailureKind::backend_lost, "gone"), exchange);
    attached = nullptr;
    take(exchange.to_client, to_client);
    return ending;
  }

  ScriptedInspector inspector;
};

// What the client of a refused request gets as packet `sequence`.
inline std::string refused(std::uint8_t sequence, const Failure& failure) {
  return text(packet(sequence, encode_err(failure)));
}

}  // namespace sluice::protocol::mysql
