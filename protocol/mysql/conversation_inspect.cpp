// What the Inspector is asked and told, and the settings that the client may not change.

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/mysql/conversation.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/sql/plain.hpp"

namespace sluice::protocol::mysql {
namespace {

using Stage = Inspection::Stage;

// Whatever of the request runs unseen behind a cut leaves nothing behind.
bool only_reads(const Request& request) {
  using enum sql::StatementKind;
  std::uint32_t harmless = 0;
  for (sql::StatementKind kind : {empty, select, show, explain}) {
    harmless |= 1U << static_cast<unsigned>(kind);
  }
  const sql::Digest& digest = request.digest();
  return !request.truncated && !digest.writes && (digest.kinds & ~harmless) == 0;
}

// Encodings whose characters may end in the byte of a backslash.
bool is_double_byte(std::string_view charset) {
  constexpr std::array<std::string_view, 5> kCharsets{"big5", "cp932", "gb18030", "gbk", "sjis"};
  return std::find(kCharsets.begin(), kCharsets.end(), charset) != kCharsets.end();
}

Failure breach_failure(const sql::MysqlLockReader& reader) {
  switch (reader.breach()) {
    case sql::MysqlLockReader::Breach::read_write:
      return fail(FailureKind::read_only_route,
                  "transactions of this session are read only and stay so");
    case sql::MysqlLockReader::Breach::setting:
      return fail(FailureKind::statement_refused,
                  "the setting " + reader.name() + " cannot be changed in this session");
    default:
      return fail(FailureKind::statement_refused,
                  "PREPARE, EXECUTE and compound statements are refused in a session with settings "
                  "that cannot be changed, since sluice does not see what they run; use prepared "
                  "statements of the protocol");
  }
}

}  // namespace

void MysqlConversation::inspect(Inspector* inspector, std::size_t keep) {
  inspection_.reset();
  if (inspector != nullptr) {
    inspection_ = std::make_unique<Inspection>();
    inspection_->inspector = inspector;
    inspection_->keep = keep;
  }
}

sql::ScannerOptions MysqlConversation::request_syntax() const {
  const sql::MysqlSyntax reads = syntax();
  return {true, reads.backslash_escapes, reads.ansi_quotes,
          is_double_byte(setting(wanted_, "character_set_client"))};
}

// Asks about the command at the head, unless it was allowed already. Only with an Inspection.
MysqlConversation::Ready MysqlConversation::admit(Request& request, const Head& head, Bytes& in,
                                                  Exchange& out) {
  Inspection& inspection = *inspection_;
  if (inspection.stage == Stage::admitted) {
    return Ready::yes;
  }
  if (inspection.inspector->waves_through(request.kind)) {
    inspection.stage = Stage::admitted;
    inspection.due = false;
    return Ready::yes;
  }
  request.in_transaction = in_transaction();
  request.may_move = link_ == nullptr && !defaults_->session_mode;
  request.read_by(*this);
  Verdict verdict = inspection.inspector->ask(request);
  if (verdict.kind == Verdict::Kind::delay) {
    return Ready::pause;
  }
  if (verdict.kind == Verdict::Kind::refuse) {
    answer_error(head, in, out,
                 verdict.failure.value_or(fail(FailureKind::internal, "refused without a reason")));
    return Ready::answered;
  }
  inspection.stage = Stage::admitted;
  inspection.due = request.kind != RequestKind::prepare;
  inspection.limits = verdict.limits;
  inspection.reads_only = verdict.limits == AnswerLimits{} || only_reads(request);
  const bool has_text = request.kind == RequestKind::query || request.kind == RequestKind::prepare;
  if (verdict.kind == Verdict::Kind::rewrite && has_text && head.whole()) {
    if (verdict.text.size() + 1 >= kMaxPayload) {
      answer_error(
          head, in, out,
          fail(FailureKind::message_too_large, "the statement is too large to be rewritten"));
      return Ready::answered;
    }
    inspection.text = std::move(verdict.text);
  }
  return Ready::yes;
}

// ... which has a text of its own.
MysqlConversation::Ready MysqlConversation::admit_text(RequestKind kind, const Head& head,
                                                       Bytes& in, Exchange& out) {
  Request request;
  request.kind = kind;
  request.text = as_text(head.body());
  request.truncated = !head.whole();
  if (kind == RequestKind::prepare && inspection_->stage == Stage::fresh) {
    inspection_->digest.reset();
    request.kept = &inspection_->digest;
  }
  return admit(request, head, in, out);
}

// ... which has none.
MysqlConversation::Ready MysqlConversation::admit_other(const Head& head, Bytes& in,
                                                        Exchange& out) {
  Request request;
  request.kind = RequestKind::other;
  return admit(request, head, in, out);
}

Bytes MysqlConversation::text_to_send(const Head& head) const {
  return inspection_ && inspection_->text ? as_bytes(*inspection_->text) : head.body();
}

// As forward(), of a command with a text, which may have been rewritten.
void MysqlConversation::forward_text(const Head& head, Bytes& in, Exchange& out) {
  if (!inspection_ || !inspection_->text) {
    forward(head, in, out);
    return;
  }
  put_packet(out.to_backend, head.sequence, [&](Buffer& buffer) {
    Writer(buffer).u8(static_cast<std::uint8_t>(head.command())).text(*inspection_->text);
  });
  start_body(head, false);
  consume(head, in);
}

// The request that was allowed, if there is one, has ended.
void MysqlConversation::conclude(const Answer& answer) {
  Inspection& inspection = *inspection_;
  const bool due = inspection.stage != Stage::fresh && inspection.due;
  inspection.end();
  if (due) {
    inspection.inspector->answered(answer);
  }
}

void MysqlConversation::conclude_failed(Bytes error) {
  Answer answer;
  answer.end = Answer::End::failed;
  if (Result<Err> decoded = decode_err(error)) {
    answer.sqlstate = decoded->sqlstate;
    answer.mysql_errno = decoded->number;
  }
  conclude(answer);
}

// ... with the reply that has just been read to its end.
void MysqlConversation::conclude_reply() {
  const ReplyStream& stream = link_->stream();
  if (stream.refused()) {
    conclude_failed(encode_err(fail(FailureKind::unsupported_feature, {})));
    return;
  }
  Answer answer;
  answer.rows = stream.rows();
  answer.bytes = stream.bytes();
  if (stream.cut()) {
    answer.end = Answer::End::limited;
  } else if (stream.failed()) {
    answer.end = Answer::End::failed;
    answer.sqlstate = stream.error().sqlstate;
    answer.mysql_errno = stream.error().number;
  }
  conclude(answer);
}

// ... without one: its backend goes.
void MysqlConversation::conclude_lost() {
  if (inspection_->stage != Stage::running) {
    return;
  }
  Answer answer;
  answer.end = Answer::End::lost;
  if (link_->busy() && link_->purpose() == Purpose::client) {
    answer.rows = link_->stream().rows();
    answer.bytes = link_->stream().bytes();
    answer.end = link_->stream().cut() ? Answer::End::limited : answer.end;
  }
  conclude(answer);
}

// The client has been told that its request failed: what the server still does of it must leave
// nothing behind, or the client must go, which takes an open transaction along.
void MysqlConversation::went_on_behind_cut() {
  if (link_->stream().cut() && !inspection_->reads_only) {
    link_->unclean = true;
    closing_ = true;
  }
}

// After a piece of a reply: what is left of a cut one is not worth waiting for.
void MysqlConversation::cancel_cut(Exchange& out) {
  if (inspection_->cancelled || closing_ || link_ == nullptr || !link_->busy() ||
      link_->purpose() != Purpose::client || !link_->stream().cut()) {
    return;
  }
  inspection_->cancelled = true;
  out.facts.cancel_running = true;
}

// A text that is not whole is read on by the body.
std::optional<Failure> MysqlConversation::breach(Bytes text, bool whole) const {
  if (!locks_->locks() || (whole && sql::plain_mysql(as_text(text)) == sql::Plain::nothing)) {
    return std::nullopt;
  }
  sql::MysqlLockReader reader(*locks_, syntax());
  reader.feed(text);
  if (whole) {
    reader.finish();
  }
  if (reader.breach() == sql::MysqlLockReader::Breach::none) {
    return std::nullopt;
  }
  return breach_failure(reader);
}

// The next part of it; none: it is complete.
std::optional<Failure> MysqlConversation::breach_in_body(Bytes part) {
  sql::MysqlLockReader& reader = *running_->locks_tail;
  part.empty() ? reader.finish() : reader.feed(part);
  if (reader.breach() == sql::MysqlLockReader::Breach::none) {
    return std::nullopt;
  }
  return breach_failure(reader);
}

// User variables that sluice carries are no state of the session's own, as long as they are read.
void MysqlConversation::spare_carried(sql::MysqlStatement& effects, Bytes text) const {
  if (!locks_ || locks_->carried.empty() || !effects.has(sql::MysqlTrait::user_variable)) {
    return;
  }
  sql::MysqlLockReader reader(*locks_, syntax());
  reader.feed(text);
  reader.finish();
  if (reader.only_carried()) {
    effects.traits &= ~sql::MysqlStatement::bit(sql::MysqlTrait::user_variable);
  }
}

// A locked setting that was changed all the same, by what no text shows, gets its value back before
// the next statement.
bool MysqlConversation::restore_locked(const Settings& now) {
  if (!locks_ || !locks_->locks()) {
    return false;
  }
  static const Settings kNone;
  Settings wanted = now;
  if (!keep_locked(wanted, wanted_ ? *wanted_ : kNone, *locks_)) {
    return false;
  }
  link_->set_settings(protocol::share_settings(now));
  wanted_ = protocol::share_settings(std::move(wanted));
  return true;
}

// Something has changed that may be a user variable that sluice carries: they are set again before
// the next statement.
void MysqlConversation::doubt_carried() {
  if (!locks_ || locks_->carried.empty() || link_->settings() == nullptr) {
    return;
  }
  Settings left;
  for (const auto& [name, value] : link_->settings()->entries()) {
    if (!name.starts_with(kUserVariable)) {
      left.set(name, value);
    }
  }
  link_->set_settings(protocol::share_settings(std::move(left)));
}

}  // namespace sluice::protocol::mysql
