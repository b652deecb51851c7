#pragma once

// An Inspector that says what a test wants, and writes down what it hears.

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "protocol/inspector.hpp"
#include "tests/protocol/postgresql/conversation_fixture.hpp"

namespace sluice::protocol::postgresql::testing {

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
inline Verdict rewritten(std::string_view text) {
  Verdict verdict;
  verdict.kind = Verdict::Kind::rewrite;
  verdict.text = text;
  return verdict;
}
inline Verdict limited(std::uint64_t rows, std::uint64_t bytes = 0) {
  Verdict verdict;
  verdict.limits = {rows, bytes};
  return verdict;
}

class ScriptedInspector final : public Inspector {
 public:
  bool waves_through(RequestKind kind) override { return waved_through.contains(kind); }
  Verdict ask(const Request& request) override {
    static const std::map<RequestKind, std::string> kKinds{{RequestKind::query, "query"},
                                                           {RequestKind::prepare, "prepare"},
                                                           {RequestKind::execute, "execute"},
                                                           {RequestKind::other, "other"}};
    std::string line = kKinds.at(request.kind);
    line += request.text.empty() ? "" : " " + std::string(request.text.substr(0, 40));
    line += request.truncated ? " [truncated]" : "";
    line += request.in_transaction ? " [in]" : "";
    line += request.may_move ? " [free]" : "";
    line += request.syntax().backslash_escapes ? " [escapes]" : "";
    asked.push_back(line);
    size = request.text.size();
    if (digests) {
      fingerprints.push_back(&request.digest());
    }
    if (verdicts.empty()) {
      return {};
    }
    Verdict verdict = verdicts.front();
    verdicts.pop_front();
    return verdict;
  }
  void answered(const Answer& answer) override {
    static const std::map<Answer::End, std::string> kEnds{{Answer::End::done, "done"},
                                                          {Answer::End::failed, "failed"},
                                                          {Answer::End::limited, "limited"},
                                                          {Answer::End::skipped, "skipped"},
                                                          {Answer::End::lost, "lost"}};
    std::string line = kEnds.at(answer.end);
    line += answer.rows != 0 ? " " + std::to_string(answer.rows) : "";
    line += answer.sqlstate.empty() ? "" : " " + std::string(answer.sqlstate);
    bytes = answer.bytes;
    answers.push_back(line);
  }

  using Lines = std::vector<std::string>;
  Lines asked, answers;
  std::deque<Verdict> verdicts;  // allow when there are no more
  std::set<RequestKind> waved_through;
  bool digests = false;
  std::vector<const sql::Digest*> fingerprints;
  std::size_t size = 0;     // of the last text
  std::uint64_t bytes = 0;  // of the last answer
};

// Each test runs with whole chunks and byte by byte.
class InspectedTest : public ConversationTest {
 protected:
  static constexpr std::size_t kKeep = 200 * 1024;
  using Lines = ScriptedInspector::Lines;

  Talk inspected(Parameters startup = {}, SessionDefaults defaults = {}) {
    Talk t = talk(std::move(startup), std::move(defaults));
    t.conversation->inspect(&inspector, kKeep);
    return t;
  }
  // A transaction block is open and the client has been told so.
  void open_transaction(Talk& t) {
    t.client(query("BEGIN"));
    t.backend(complete("BEGIN") + ready('T'));
    t.to_client();
    t.to_backend();
    inspector.asked.clear();
    inspector.answers.clear();
  }
  static std::string batch(std::string_view sql) {
    return parse("", sql) + bind_message("", "") + execute() + sync();
  }
  static std::string done(std::string_view tag, char status = 'I') {
    return complete(tag) + ready(status);
  }
  // The failing query that makes the server agree with an error of ours.
  static std::string failing() { return query("refused by sluice"); }
  // ... and the failing message within a batch.
  static std::string failing_message() { return describe('S', "sluice_?"); }

  ScriptedInspector inspector;
};

}  // namespace sluice::protocol::postgresql::testing
