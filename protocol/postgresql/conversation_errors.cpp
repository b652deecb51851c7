// Errors of the backend, and what they take back (documentation: "Extended Query").

#include "protocol/postgresql/conversation.hpp"

namespace sluice::protocol::postgresql {

bool ClientConversation::error(const Head& head, Exchange& out) {
  Expectations& expected = link_->expected;
  ErrorFields fields;
  if (auto parsed = parse_error_fields(head.body())) {
    fields = *parsed;
  }
  if (fields.severity == "FATAL" || fields.severity == "PANIC") {
    link_->ended_by(fields);
    ++out.facts.errors;
    if (!welcomed_) {
      settings_refused(fields);
    }
    return welcomed_;
  }
  if (expected.empty()) {
    return break_link("an error that nothing asked for", out);
  }
  link_->copy_in = false;
  Expected& front = expected.front();
  if (front.kind == Reply::settings) {
    return settings_refused(fields);
  }
  replied_ = true;
  if (front.kind == Reply::query || front.kind == Reply::function_call ||
      front.kind == Reply::sync) {
    front.failed = true;
    return show_error(front.aftermath.get(), fields.sqlstate, out);
  }
  return error_in_batch(fields, out);
}

// The difference of settings failed: the backend is in a failed transaction, where nothing that
// was sent after it runs.
bool ClientConversation::settings_refused(const ErrorFields& fields) {
  if (!link_->expected.empty()) {
    link_->expected.front().failed = true;
  }
  link_->unclean = true;
  attach_failure_ =
      std::make_unique<Failure>(fail(FailureKind::backend_unclean, printable(fields.message, 500)));
  attach_failure_->sqlstate_override = fields.sqlstate;
  return false;
}

// True: as the server sent it.
bool ClientConversation::show_error(const Aftermath* aftermath, std::string_view sqlstate,
                                    Exchange& out) {
  if (is_cut()) {
    inspection_->errored = true;
    return false;
  }
  ++out.facts.errors;
  if (link_->unclean && attach_failure_) {
    note_error(attach_failure_->sqlstate());
    Buffer bytes;
    put_error_response(bytes, *attach_failure_, ErrorLevel::error);
    out.to_client.own(bytes);
    return false;
  }
  if (aftermath != nullptr && !aftermath->local.empty() &&
      (aftermath->only_if.empty() || aftermath->only_if == sqlstate)) {
    const auto ours = parse_error_fields(Bytes(aftermath->local).subspan(kHeaderSize));
    note_error(ours ? ours->sqlstate : sqlstate);
    out.to_client.own(aftermath->local);
    return false;
  }
  note_error(sqlstate);
  return true;
}

// The server skips to the next Sync; everything that was expected before it will not come.
bool ClientConversation::error_in_batch(const ErrorFields& fields, Exchange& out) {
  Expectations& expected = link_->expected;
  std::size_t sync = 1;
  while (sync < expected.size() && expected.at(sync).kind != Reply::sync) {
    ++sync;
  }
  bool has_sync = sync < expected.size();
  std::size_t unanswered = 0;
  for (std::size_t i = sync; i-- > 1;) {
    Expected skipped = std::move(expected.at(i));
    unanswered += skipped.asked ? 1 : 0;
    expected.erase(i);
    undo(std::move(skipped), false);
  }
  Expected failed = expected.pop();
  bool as_sent = show_error(failed.aftermath.get(), fields.sqlstate, out);
  if (as_sent && failed.prepared && fields.sqlstate == "26000") {
    // Our name for it means nothing to the client.
    link_->statements.forget(*failed.prepared);
    Failure unknown =
        fail(FailureKind::unsupported_feature, "the prepared statement does not exist");
    unknown.sqlstate_override = fields.sqlstate;
    Buffer bytes;
    put_error_response(bytes, unknown, ErrorLevel::error);
    out.to_client.own(bytes);
    as_sent = false;
  }
  // "cached plan must not change result type": the backend's statements are not what they were.
  stale_ = stale_ || (fields.sqlstate == "0A000" && failed.prepared);
  if (failed.aftermath && failed.kind == Reply::execute) {
    failed.failed = true;
    carry_out(*failed.aftermath, &failed, false);
  }
  if (failed.asked) {
    answer(Answer::End::failed);
  }
  for (; unanswered != 0; --unanswered) {
    answer(Answer::End::skipped);
  }
  undo(std::move(failed), true);
  batch_failed_ = true;
  if (!has_sync) {
    link_->ignoring = true;
  }
  return as_sent;
}

// Takes back what was assumed when the message was sent. executed: it ran and failed; else the
// server never looked at it.
void ClientConversation::undo(Expected entry, bool executed) {
  Aftermath* aftermath = entry.aftermath.get();
  if (entry.kind == Reply::parse && entry.unnamed) {
    unnamed_ = executed ? nullptr : std::move(entry.previous);
  } else if (entry.kind == Reply::query || (entry.kind == Reply::close && entry.unnamed)) {
    unnamed_ = std::move(entry.previous);
  }
  bool touched_unnamed = entry.kind == Reply::query || entry.unnamed ||
                         (!entry.visible && !entry.prepared && entry.kind != Reply::copy_end);
  if (touched_unnamed) {
    link_->unnamed.reset();
    link_->unnamed_known = executed && entry.kind == Reply::parse;
  }
  bool maps = aftermath != nullptr && aftermath->maps;
  if (maps && statements_) {
    statements_->erase(aftermath->name);
  }
  if (aftermath != nullptr && aftermath->unmaps && statements_) {
    statements_->restore(aftermath->name, aftermath->removed);
  }
  if (entry.prepared && entry.kind == Reply::parse && (maps || !entry.visible)) {
    link_->statements.forget(*entry.prepared);
  }
  if (entry.prepared && entry.kind == Reply::close) {
    link_->statements.restore(std::move(entry.prepared));
  }
}

}  // namespace sluice::protocol::postgresql
