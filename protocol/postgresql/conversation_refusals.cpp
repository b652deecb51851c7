// Requests that do not go on: the client is told so in its turn, a transaction that is open on the
// server fails with them, and what comes behind them in their batch is skipped.

#include <string>
#include <utility>

#include "protocol/postgresql/conversation.hpp"
#include "protocol/postgresql/settings_guard.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::postgresql {

// The rest of a text that is too long to be seen together. False: it must not be completed.
bool ClientConversation::guard_body(Bytes piece, Exchange& out) {
  SettingsGuard& guard = *scratch_->guard;
  guard.feed(piece);
  if (reader_.left() != 0) {
    return true;
  }
  const auto refusal = guard.finish();
  scratch_->guard.reset();
  if (refusal) {
    throw_out(*refusal, out);
  }
  return !refusal;
}

// RESET ALL gives fixed settings back after the batch: nothing may run between the two.
bool ClientConversation::runs_after_reset(const Head& head, Exchange& out) {
  const bool runs = head.type == frontend::kBind || head.type == frontend::kExecute ||
                    head.type == frontend::kQuery || head.type == frontend::kFunctionCall;
  if (!runs) {
    return false;
  }
  refuse_head(fail(FailureKind::statement_refused,
                   "some settings of this session are fixed: send Sync after RESET ALL or DISCARD "
                   "ALL before other statements run"),
              head, out);
  return true;
}

// Answers the message at the head with an error, in its turn, and lets a transaction fail that is
// open on the server. It may have been allowed by the Inspector before.
void ClientConversation::refuse_head(const Failure& failure, const Head& head, Exchange& out) {
  Buffer error;
  put_error_response(error, failure, ErrorLevel::error);
  const bool alone = head.type == frontend::kQuery || head.type == frontend::kFunctionCall;
  if (!alone && link_ != nullptr) {
    fail_batch(failure, out).asked = take_admission();
    skip_to_sync_ = true;
    return;
  }
  const bool quiet = link_ == nullptr || (link_->expected.empty() && !batch_open_ && !mid_reply() &&
                                          link_->status != 'T');
  if (!quiet) {
    fail_transaction(std::move(error), out).asked = take_admission();
    return;
  }
  ++out.facts.errors;
  if (alone) {
    put_ready_for_query(error, link_ != nullptr ? link_->status : 'I');
    ++out.facts.queries;
  } else {
    skipping_ = true;
  }
  out.to_client.own(error);
  answer_admitted(Answer::End::failed, failure.sqlstate());
}

// A query of our own that fails on the server, so that a transaction fails with it. `error` is what
// the client is told; empty: nothing.
Expected& ClientConversation::fail_transaction(Buffer error, Exchange& out) {
  Buffer body;
  Writer(body).cstring("refused by sluice");
  send(frontend::kQuery, body, out);
  Expected& entry = link_->expected.push(Reply::query);
  entry.previous = std::move(unnamed_);
  unnamed_.reset();
  link_->unnamed.reset();
  link_->unnamed_known = true;
  entry.aftermath = std::make_unique<Aftermath>();
  entry.aftermath->local = std::move(error);
  return entry;
}

// A message that nobody will answer, because something before it in its batch has failed.
ClientConversation::Step ClientConversation::skip_message() {
  if (link_ != nullptr && !link_->expected.empty() && take_admission()) {
    Expected& entry = link_->expected.push(Reply::local);  // its answer comes in its turn
    entry.aftermath = std::make_unique<Aftermath>();
    entry.asked = true;
  }
  answer_admitted(Answer::End::skipped);
  admitted_ = false;
  if (inspection_) {
    inspection_->rewritten.clear();
  }
  return std::nullopt;
}

}  // namespace sluice::protocol::postgresql
