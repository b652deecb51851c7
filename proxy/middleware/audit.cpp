#include "proxy/middleware/audit.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "metrics/labels.hpp"
#include "protocol/sql/trace_comment.hpp"
#include "proxy/middleware/audit_line.hpp"
#include "proxy/middleware/line_writer.hpp"
#include "proxy/middleware/transaction_number.hpp"

namespace sluice::proxy::middleware {
namespace {

using config::AuditStatements;
using protocol::Answer;
using protocol::RequestKind;
using protocol::sql::Digest;
using protocol::sql::StatementKind;
using std::chrono::duration_cast;

constexpr std::size_t kMaxStatement = std::size_t{64} << 10U;  // bytes of a statement in a line

std::string_view word(RequestKind kind) {
  switch (kind) {
    case RequestKind::query:
      return "query";
    case RequestKind::prepare:
      return "prepare";
    case RequestKind::execute:
      return "execute";
    case RequestKind::other:
      break;
  }
  return "other";
}

std::string_view word(Answer::End end) {
  switch (end) {
    case Answer::End::done:
      return "allowed";
    case Answer::End::failed:
      return "failed";
    case Answer::End::limited:
      return "limited";
    case Answer::End::skipped:
      return "skipped";
    case Answer::End::lost:
      break;
  }
  return "lost";
}

std::uint32_t bit(StatementKind kind) {
  return std::uint32_t{1} << static_cast<unsigned>(kind);
}

// The file of one entry, and what of a statement goes into it.
struct Log {
  std::shared_ptr<LineWriter> writer;
  AuditStatements statements = AuditStatements::fingerprint;
  std::uint32_t kinds = 0;  // bits; 0 = all

  bool holds(std::uint32_t of) const { return kinds == 0 || (kinds & of) != 0; }
};

// What the line says of a statement.
struct Statement {
  RequestKind request = RequestKind::query;
  const Digest* digest = nullptr;  // null: it has no text
  std::string_view text;
  bool truncated = false;
  bool in_transaction = false;
};

class AuditPart final : public Part {
 public:
  AuditPart(const Log& log, const Place& place) : log_(log), place_(place) {}

  void on_login(Login& login, Verdict& /*verdict*/) override { begun_ = login.now.steady; }
  void on_login_end(const Login& login, const Verdict& verdict) override;
  void on_decided(const protocol::Request& request, const Now& now,
                  const Verdict& verdict) override;
  void on_answer(const Asked& asked, const Answer& answer, const Now& now) override;
  void on_close(const Now& now) noexcept override;

 private:
  // Lines are made in a buffer that all sessions of a worker share.
  static std::string& scratch() {
    thread_local std::string buffer;
    return buffer;
  }
  void put(AuditLine& line) {
    if (!log_.writer->post(line.done())) {
      place_.instruments.dropped.add();
    }
    if (scratch().capacity() > 2 * kMaxStatement) {
      scratch() = {};
    }
  }
  void note_trace(const protocol::Request& request, std::uint64_t number);
  void add_trace(AuditLine& line) const;
  static void add_refusal(AuditLine& line, const Verdict& verdict);
  void add_statement(AuditLine& line, const Statement& statement) const;

  const Log& log_;
  const Place place_;
  TimePoint begun_;
  bool logged_in_ = false;
  TransactionNumber transaction_;
  std::uint64_t requests_ = 0;
  // A traceparent of a statement, by the number of the request: of those that have no answer yet.
  std::vector<std::pair<std::uint64_t, std::string>> traces_;
};

void AuditPart::on_login_end(const Login& login, const Verdict& verdict) {
  logged_in_ = verdict.goes_on();
  AuditLine line(scratch(), login.now.wall, "login", place_.identity);
  line.flag("tls", place_.identity.tls);
  if (!place_.identity.tls_subject.empty()) {
    line.text("tls_subject", place_.identity.tls_subject);
  }
  if (!place_.identity.traceparent.empty()) {
    line.text("traceparent", place_.identity.traceparent);
  }
  if (!login.claims.empty()) {
    line.names("claims", login.claims);
  }
  if (logged_in_) {
    line.text("verdict", "allowed");
  } else {
    add_refusal(line, verdict);
  }
  put(line);
}

void AuditPart::note_trace(const protocol::Request& request, std::uint64_t number) {
  if (auto trace = protocol::sql::traceparent_of(request.text)) {
    traces_.emplace_back(number, std::move(*trace));
  }
}

// That of the request that was answered last.
void AuditPart::add_trace(AuditLine& line) const {
  if (!traces_.empty() && traces_.front().first == transaction_.last_answered()) {
    line.text("traceparent", traces_.front().second);
  }
}

void AuditPart::add_refusal(AuditLine& line, const Verdict& verdict) {
  line.text("verdict", "refused");
  if (verdict.failure) {
    line.text("failure", verdict.failure->label());
  }
  if (verdict.reason != RefusalReason::none) {
    line.text("reason", metrics::label_of(verdict.reason));
  }
}

void AuditPart::add_statement(AuditLine& line, const Statement& statement) const {
  line.text("request", word(statement.request));
  line.text("kind", protocol::sql::kind_name(statement.digest != nullptr ? statement.digest->kind
                                                                         : StatementKind::other));
  line.flag("in_transaction", statement.in_transaction);
  if (statement.digest == nullptr || log_.statements == AuditStatements::none) {
    return;
  }
  line.fingerprint("fingerprint", statement.digest->fingerprint);
  if (statement.truncated) {
    line.flag("truncated", true);
  }
  if (log_.statements != AuditStatements::text) {
    return;
  }
  if (may_carry_secret(statement.text)) {
    line.text("text", statement.digest->text);
    line.flag("literals_removed", true);
    return;
  }
  line.text("text", statement.text.substr(0, kMaxStatement));
  if (statement.text.size() > kMaxStatement) {
    line.number("text_bytes", statement.text.size());
  }
}

// Refusals are told here: they have no answer.
void AuditPart::on_decided(const protocol::Request& request, const Now& now,
                           const Verdict& verdict) {
  if (verdict.goes_on()) {
    if (request.kind != RequestKind::prepare) {
      note_trace(request, transaction_.asked());
    }
    return;
  }
  ++requests_;
  const Digest* digest = request.kind == RequestKind::other ? nullptr : &request.digest();
  if (!log_.holds(digest != nullptr ? digest->kinds : bit(StatementKind::other))) {
    return;
  }
  AuditLine line(scratch(), now.wall, "statement", place_.identity);
  add_statement(line,
                {request.kind, digest, request.text, request.truncated, request.in_transaction});
  if (const auto trace = protocol::sql::traceparent_of(request.text)) {
    line.text("traceparent", *trace);
  }
  if (request.in_transaction) {
    line.number("transaction", transaction_.current());
  }
  add_refusal(line, verdict);
  put(line);
}

void AuditPart::on_answer(const Asked& asked, const Answer& answer, const Now& now) {
  ++requests_;
  const std::uint64_t transaction = transaction_.answered(asked, answer.end);
  while (!traces_.empty() && traces_.front().first < transaction_.last_answered()) {
    traces_.erase(traces_.begin());
  }
  const Digest* digest = asked.kind == RequestKind::other ? nullptr : asked.digest.get();
  if (!log_.holds(digest != nullptr ? digest->kinds : bit(StatementKind::other))) {
    return;
  }
  AuditLine line(scratch(), now.wall, "statement", place_.identity);
  add_statement(line, {asked.kind, digest, asked.text, asked.truncated, asked.in_transaction});
  add_trace(line);
  line.number("transaction", transaction);
  line.number("rows", answer.rows);
  line.thousandths("ms", duration_cast<std::chrono::microseconds>(now.steady - asked.at).count());
  line.text("verdict", word(answer.end));
  if (answer.end == Answer::End::failed) {
    line.text("sqlstate", answer.sqlstate);
    if (answer.mysql_errno != 0) {
      line.number("errno", answer.mysql_errno);
    }
  }
  put(line);
}

void AuditPart::on_close(const Now& now) noexcept {
  if (!logged_in_) {
    return;  // its login was told as refused
  }
  try {
    AuditLine line(scratch(), now.wall, "close", place_.identity);
    line.thousandths("seconds",
                     duration_cast<std::chrono::milliseconds>(now.steady - begun_).count());
    line.number("requests", requests_);
    line.number("transactions", transaction_.current());
    put(line);
  } catch (...) {
    place_.instruments.dropped.add();
  }
}

class Audit final : public Middleware {
 public:
  explicit Audit(Log log) : log_(std::move(log)) {}

  std::string_view name() const override { return "audit"; }
  Wants wants() const override {
    return {.decided = true,
            .answer = true,
            .digest = true,
            .text = log_.statements == AuditStatements::text};
  }
  std::unique_ptr<Part> begin(const Place& place) override {
    return std::make_unique<AuditPart>(log_, place);
  }
  void count_with(std::shared_ptr<metrics::MiddlewareInstruments> instruments) override {
    log_.writer->count_with(std::move(instruments));
  }
  void reopen() override { log_.writer->reopen(); }

 private:
  const Log log_;
};

}  // namespace

Made make(const config::Audit& options) {
  Log log;
  log.statements = options.statements;
  for (const std::string& name : options.kinds) {
    const auto kind = protocol::sql::find_kind(name);
    if (!kind) {
      return protocol::fail(protocol::FailureKind::internal,
                            "audit: there is no kind of statement \"" + name + "\"");
    }
    log.kinds |= bit(*kind);
  }
  if (auto usable = RotatingFile::usable(options.file); !usable) {
    protocol::Failure failure = usable.failure();
    failure.text = "audit: " + failure.text;
    return failure;
  }
  log.writer = LineWriter::shared({options.file, options.max_size, options.keep}, options.queue);
  return Made(std::make_unique<Audit>(std::move(log)));
}

}  // namespace sluice::proxy::middleware
