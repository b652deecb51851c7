// Answers: the Inspector hears how each request that it allowed has ended, and a result that goes
// beyond its limit is cut. The client is told of an error in the place of the next row, and the
// server must come to agree with that: what is left is swallowed, a transaction that is still open
// is made to fail, and where something may have been committed all the same the connection ends.

#include "protocol/postgresql/conversation.hpp"

namespace sluice::protocol::postgresql {
namespace {

std::string_view tag_of(const FrameReader::Head& head) {
  const std::string_view tag = as_text(head.body());
  return tag.substr(0, tag.find('\0'));
}

// The size of the message that `bytes` begin with; they hold all of it.
std::size_t message_size(Bytes bytes) {
  return 1 + (std::size_t{bytes[1]} << 24U | std::size_t{bytes[2]} << 16U |
              std::size_t{bytes[3]} << 8U | bytes[4]);
}

}  // namespace

// The request at the head has its answer, and nothing before it waits for one.
void ClientConversation::answer_admitted(Answer::End end, std::string_view sqlstate) {
  if (inspection_ && inspection_->admitted) {
    inspection_->admitted = false;
    Answer answer;
    answer.end = end;
    answer.sqlstate = sqlstate;
    inspection_->inspector.answered(answer);
  }
}

// The first entry that was asked has ended.
void ClientConversation::answer(Answer::End end) {
  if (!inspection_ || inspection_->due.empty()) {
    return;
  }
  Inspection& state = *inspection_;
  std::string sqlstate;
  if (!state.sqlstate.empty()) {
    sqlstate.swap(state.sqlstate);
  }
  Answer answer;
  answer.end = state.cut_in_front ? Answer::End::limited : end;
  answer.rows = state.cut_in_front ? state.shown : end == Answer::End::skipped ? 0 : state.rows;
  answer.bytes = state.bytes;
  if (answer.end == Answer::End::failed) {
    answer.sqlstate = sqlstate;
  }
  state.cut_in_front = false;
  state.rows = state.shown = state.bytes = 0;
  state.due.pop();
  state.inspector.answered(answer);
}

// Nobody will hear of what is in the queue.
void ClientConversation::lose_due_answers() {
  if (link_ == nullptr) {
    return;
  }
  for (std::size_t i = 0; i < link_->expected.size(); ++i) {
    if (std::exchange(link_->expected.at(i).asked, false)) {
      answer(Answer::End::lost);
    }
  }
}

void ClientConversation::note_error(std::string_view sqlstate) {
  if (inspection_) {
    inspection_->sqlstate = sqlstate;
  }
}

// One statement has ended well.
void ClientConversation::note_tag(const Head& head, Exchange& out) {
  Inspection& state = *inspection_;
  const Expected& front = link_->expected.front();
  if (front.kind == Reply::settings) {
    return;
  }
  if (front.asked && head.type == backend::kPortalSuspended) {
    state.rows += state.due.front().fetch;
  }
  if (head.type != backend::kCommandComplete) {
    return;
  }
  const std::string_view tag = tag_of(head);
  state.rows += front.asked ? rows_of(tag) : 0;
  const Deed deed = deed_of(tag, std::exchange(state.copied_out, false));
  // Rows that nobody was sent have gone into a table: SELECT INTO, CREATE TABLE AS.
  const bool filled =
      !std::exchange(state.saw_row, false) && tag.starts_with("SELECT ") && rows_of(tag) != 0;
  if (deed == Deed::kept && state.cut) {
    end_unclean(out);
  } else if (tag == "COMMIT") {
    state.wrote = false;
  } else if (deed != Deed::nothing || filled) {
    state.wrote = true;
  }
}

bool ClientConversation::limited() const {
  return inspection_ && link_->expected.front().asked && !inspection_->due.empty() &&
         inspection_->due.front().limited();
}

// A row of `size` bytes is next. False: it is one too many.
bool ClientConversation::count_row(std::size_t size) {
  Inspection& state = *inspection_;
  const AnswerLimits& limits = state.due.front().limits;
  if ((limits.rows != 0 && state.shown >= limits.rows) ||
      (limits.bytes != 0 && (size > limits.bytes || state.bytes > limits.bytes - size))) {
    return false;
  }
  ++state.shown;
  state.bytes += size;
  return true;
}

// `in` begins with `rows`, which are whole. The client gets those that it may see; returns what is
// left, a row too many included.
Bytes ClientConversation::pass_rows(Bytes rows, Bytes in, Exchange& out) {
  inspection_->saw_row = true;
  if (inspection_->cut) {
    return in.subspan(rows.size());
  }
  inspection_->copied_out = rows[0] == backend::kCopyData;
  std::size_t end = limited() ? 0 : rows.size();
  while (end < rows.size()) {
    const std::size_t size = message_size(rows.subspan(end));
    if (!count_row(size)) {
      break;
    }
    end += size;
  }
  if (end != 0) {
    out.to_client.borrow(rows.first(end));
    replied_ = true;
  }
  return in.subspan(end);
}

// True: the row at hand is not for the client.
bool ClientConversation::withhold_row(const Head& head, Exchange& out) {
  inspection_->saw_row = true;
  if (inspection_->cut) {
    return true;
  }
  if (!limited() || count_row(head.size)) {
    return false;
  }
  cut(out);
  return true;
}

void ClientConversation::cut(Exchange& out) {
  Inspection& state = *inspection_;
  const AnswerLimits& limits = state.due.front().limits;
  Buffer bytes;
  put_error_response(bytes, limit_failure(limits, state.shown), ErrorLevel::error);
  out.to_client.own(bytes);
  ++out.facts.errors;
  out.facts.cancel_running = true;
  replied_ = true;
  state.cut = state.cut_in_front = true;
  state.errored = state.failing = false;
  const Expectations& expected = link_->expected;
  bool ends = false;
  for (std::size_t i = 0; i < expected.size() && !ends; ++i) {
    ends = expected.at(i).kind == Reply::sync || expected.at(i).kind == Reply::query;
  }
  if (!ends) {
    // The client skips to its next Sync, and so must the server.
    skip_to_sync_ = fail_at_sync_ = true;
  }
}

// A ReadyForQuery has come. True: it goes to the client.
bool ClientConversation::request_ended(Exchange& out) {
  if (link_->status == 'I' && link_->expected.empty() && !batch_open_) {
    inspection_->forget_portals();
  }
  if (inspection_->cut) {
    return cut_ready(out);
  }
  inspection_->wrote = false;
  return true;
}

// The ReadyForQuery of a request whose result was cut. True: it goes to the client.
bool ClientConversation::cut_ready(Exchange& out) {
  Inspection& state = *inspection_;
  const char status = link_->status;
  const bool committed = status == 'I' && state.wrote && !state.errored;
  // What was sent behind it runs in a transaction that the client believes to have failed.
  const bool overtaken = status == 'T' && (!link_->expected.empty() || state.failing);
  if (committed || overtaken) {
    end_unclean(out);
    return false;
  }
  if (status == 'T') {
    state.failing = true;
    fail_transaction({}, out);
    --out.facts.queries;  // it ends with that
    return false;
  }
  state.forget_cut();
  return true;
}

void ClientConversation::end_unclean(Exchange& out) {
  farewell(fail(FailureKind::backend_unclean,
                "the result was cut at its limit, but what was sent with the statement may have "
                "been committed; the connection is closed"),
           out.to_client);
  finished_ = true;
  link_->broken = true;
}

}  // namespace sluice::protocol::postgresql
