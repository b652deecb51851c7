// What the backend sends, matched with the queue of expected replies.

#include <string>

#include "protocol/postgresql/conversation.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::postgresql {

void ClientConversation::from_backend(Bytes in, Exchange& out) {
  while (link_ != nullptr && !link_->broken) {
    BackendLink& link = *link_;
    if (Bytes rows = plain_rows(in); !rows.empty()) {
      if (inspection_ && inspection_->reads_answers) {
        in = pass_rows(rows, in, out);
      } else {
        out.to_client.borrow(rows);
        in = in.subspan(rows.size());
        replied_ = true;
      }
    }
    Head head;
    switch (link.reader.peek(in, kBackendMessageLimit, backend_head, head)) {
      case FrameReader::Got::more:
        return;
      case FrameReader::Got::body: {
        Bytes piece = link.reader.take_body(in);
        if (link.forwarding) {
          out.to_client.borrow(piece);
        }
        break;
      }
      case FrameReader::Got::head:
        link.forwarding = reply(head, out);
        if (link.broken) {
          return;
        }
        if (link.forwarding) {
          head.held ? out.to_client.own(head.bytes) : out.to_client.borrow(head.bytes);
        }
        link.reader.accept(in, head);
        break;
      default:
        break_link("a malformed message", out);
        return;
    }
    if (link.reader.left() == 0) {
      after_message(out);
    }
  }
}

// The whole rows at the head of `in`, of a result or of COPY TO: they pass without a closer look.
Bytes ClientConversation::plain_rows(Bytes in) const {
  const BackendLink& link = *link_;
  if (link.reader.left() != 0 || link.reader.holding() || link.expected.empty() || !welcomed_) {
    return {};
  }
  const Expected& front = link.expected.front();
  if (!front.visible || (front.kind != Reply::query && front.kind != Reply::execute)) {
    return {};
  }
  std::size_t end = 0;
  while (in.size() - end >= kHeaderSize) {
    const Bytes rest = in.subspan(end);
    const std::uint32_t length = std::uint32_t{rest[1]} << 24U | std::uint32_t{rest[2]} << 16U |
                                 std::uint32_t{rest[3]} << 8U | rest[4];
    if ((rest[0] != backend::kDataRow && rest[0] != backend::kCopyData) || length < 4 ||
        length > rest.size() - 1) {
      break;
    }
    end += 1 + length;
  }
  return in.first(end);
}

// True: the message goes to the client as it is.
bool ClientConversation::reply(const Head& head, Exchange& out) {
  Expectations& expected = link_->expected;
  bool ours = !expected.empty() && expected.front().kind == Reply::settings;
  switch (head.type) {
    case backend::kNoticeResponse:
      link_->ending = link_->ending || BackendLink::announces_end(head);
      return !ours && welcomed_;
    case backend::kNotificationResponse:
      return welcomed_;
    case backend::kParameterStatus: {
      auto parsed = head.whole() ? parse_parameter_status(head.body()) : std::nullopt;
      if (!parsed) {
        return break_link("a malformed ParameterStatus", out);
      }
      std::string before = link_->report(parsed->name, parsed->value);
      if (ours) {  // as a rule the client has been told this value already
        return welcomed_ && expected.front().aftermath->reports;
      }
      note_change(parsed->name, std::move(before), parsed->value);
      return welcomed_;
    }
    case backend::kErrorResponse:
      return error(head, out);
    default:
      if (expected.empty()) {
        return break_link("a message that nothing asked for", out);
      }
      return reply_to_front(head, out);
  }
}

bool ClientConversation::reply_to_front(const Head& head, Exchange& out) {
  Expected& front = link_->expected.front();
  Reply kind = front.kind;
  bool visible = front.visible;
  bool fits = false;
  switch (head.type) {
    case backend::kDataRow:
      fits = kind == Reply::query || kind == Reply::execute || kind == Reply::settings;
      if (fits && inspection_ && inspection_->reads_answers && kind != Reply::settings &&
          withhold_row(head, out)) {
        return false;
      }
      break;
    case backend::kRowDescription:
      fits = kind == Reply::query || kind == Reply::settings;
      [[fallthrough]];
    case backend::kNoData:
      if (kind == Reply::describe_portal ||
          (kind == Reply::describe_statement && front.described)) {
        pop();
        fits = true;
      }
      break;
    case backend::kParameterDescription:
      fits = kind == Reply::describe_statement && !front.described;
      front.described = true;
      break;
    case backend::kParseComplete:
    case backend::kCloseComplete:
      fits = kind == (head.type == backend::kParseComplete ? Reply::parse : Reply::close);
      if (fits) {
        pop();
      }
      break;
    case backend::kBindComplete:
      fits = kind == Reply::bind;
      if (fits) {
        Expected entry = pop();
        if (entry.aftermath) {
          scratch().executed.push_back(std::move(entry.aftermath));
        }
      }
      break;
    case backend::kCommandComplete:
    case backend::kEmptyQueryResponse:
    case backend::kPortalSuspended:
      if (kind == Reply::query || kind == Reply::execute || kind == Reply::settings) {
        visible = command_complete(head, out) && visible;
        fits = true;
      }
      break;
    case backend::kCopyInResponse:
      fits = kind == Reply::query || kind == Reply::execute;
      if (fits) {
        copy_in_started();
        if (is_cut()) {
          end_unclean(out);  // the client will not send what the server waits for
          return false;
        }
      }
      break;
    case backend::kCopyOutResponse:
    case backend::kCopyData:
    case backend::kCopyDone:
      fits = kind == Reply::query || kind == Reply::execute;
      if (fits && inspection_ && inspection_->reads_answers) {
        inspection_->copied_out = true;
        if (head.type == backend::kCopyData && withhold_row(head, out)) {
          return false;
        }
      }
      break;
    case backend::kFunctionCallResponse:
      fits = kind == Reply::function_call;
      break;
    case backend::kReadyForQuery:
      return ready(head, out);
    default:
      break;
  }
  if (!fits) {
    return break_link("an unexpected message", out);
  }
  visible = visible && !is_cut();
  replied_ = replied_ || visible;
  return visible && welcomed_;
}

// The end of one statement. Tags say what happened to prepared statements, whoever asked for it.
bool ClientConversation::command_complete(const Head& head, Exchange& out) {
  Expected& front = link_->expected.front();
  front.succeeded = true;
  bool visible = true;
  if (inspection_ && inspection_->reads_answers) {
    note_tag(head, out);
    if (link_->broken) {
      return false;
    }
  }
  if (head.type == backend::kCommandComplete && !head.body().empty() && head.body()[0] == 'D') {
    std::string_view tag = as_text(head.body());
    tag = tag.substr(0, tag.find('\0'));
    if (tag == "DEALLOCATE ALL" || tag == "DISCARD ALL") {
      link_->statements.clear();
      link_->unnamed_known = false;
      if (statements_) {
        statements_->clear_before(front.aftermath ? front.aftermath->serial : serial_);
      }
    } else if (tag == "DISCARD PLANS" && front.aftermath && front.aftermath->deallocates) {
      Buffer text;
      Writer(text).cstring("DEALLOCATE");
      Buffer bytes;
      put_message(bytes, backend::kCommandComplete, text);
      if (!is_cut()) {
        out.to_client.own(bytes);
      }
      visible = false;
    }
  }
  if (front.kind == Reply::execute) {
    link_->copy_in = false;
    Expected entry = pop();
    if (entry.asked) {
      answer(is_cut() ? Answer::End::skipped : Answer::End::done);
    }
    if (entry.aftermath) {
      scratch().executed.push_back(std::move(entry.aftermath));
    }
  }
  return visible;
}

// Syncs that the client has sent before it knew of the COPY are ignored by the server.
void ClientConversation::copy_in_started() {
  Expectations& expected = link_->expected;
  link_->copy_in = true;
  bool synced = false;
  while (expected.size() > 1) {
    Reply kind = expected.at(1).kind;
    if (kind == Reply::copy_end) {
      expected.erase(1);
      link_->copy_in = false;
      break;
    }
    if (kind != Reply::sync) {
      break;
    }
    expected.erase(1);
  }
  for (std::size_t i = 1; i < expected.size(); ++i) {
    synced = synced || expected.at(i).kind == Reply::sync;
  }
  if (expected.front().kind == Reply::execute && !synced) {
    batch_open_ = true;
  }
}

bool ClientConversation::ready(const Head& head, Exchange& out) {
  auto parsed = head.whole() ? parse_ready_for_query(head.body()) : std::nullopt;
  Reply kind = link_->expected.front().kind;
  if (!parsed || (kind != Reply::sync && kind != Reply::query && kind != Reply::function_call &&
                  kind != Reply::settings)) {
    return break_link("an unexpected ReadyForQuery", out);
  }
  char before = link_->status;
  link_->status = *parsed;
  link_->copy_in = false;
  Expected entry = pop();
  if (kind == Reply::settings) {
    settings_ready(entry);
    return false;
  }
  if (entry.asked) {
    answer(entry.failed ? Answer::End::failed : Answer::End::done);
  }
  bool outside = before == 'I' && *parsed == 'I';
  if (entry.aftermath) {
    carry_out(*entry.aftermath, &entry, outside);
  }
  if (kind == Reply::sync) {
    if (scratch_) {
      auto executed = std::move(scratch_->executed);
      scratch_->executed.clear();
      for (const auto& aftermath : executed) {
        Expected batch;
        batch.failed = batch_failed_;
        carry_out(*aftermath, &batch, outside);
      }
    }
    batch_failed_ = false;
  }
  ++out.facts.queries;
  if (*parsed == 'I') {
    ++out.facts.transactions;
    sequence_ok_ = sequence_ok_ && !link_->expected.empty();
    if (scratch_ && !scratch_->changed.empty()) {
      pins_.add(Pin::settings);
    }
  }
  replied_ = false;
  if (inspection_ && inspection_->has_end() && !request_ended(out)) {
    return false;
  }
  if (link_->unclean && *parsed != 'I') {
    Buffer bytes;
    put_ready_for_query(bytes, 'I');
    out.to_client.own(bytes);
    if (link_->expected.empty()) {
      attach_failure_.reset();  // the client has been told
    }
    return false;
  }
  return defaults_->statement_mode && *parsed != 'I' ? left_open(head, out) : true;
}

void ClientConversation::settings_ready(const Expected& entry) {
  if (entry.failed) {
    return;
  }
  if (!entry.aftermath->reapplies) {
    link_->set_settings(entry.aftermath->settings);
  }
}

// Replies of our own whose turn has come.
void ClientConversation::after_message(Exchange& out) {
  Expectations& expected = link_->expected;
  while (!expected.empty()) {
    Reply kind = expected.front().kind;
    if (kind == Reply::local) {
      if (!is_cut()) {
        out.to_client.own(expected.front().aftermath->local);
        replied_ = true;
      }
      if (expected.front().asked) {
        answer(Answer::End::skipped);
      }
    } else if (kind != Reply::copy_end) {
      return;
    }
    pop();
  }
}

Expected ClientConversation::pop() {
  return link_->expected.pop();
}

bool ClientConversation::mid_reply() const {
  return link_ != nullptr && link_->reader.left() != 0 && link_->forwarding;
}

// The backend cannot be understood any more, and so neither can what the client would get from it.
bool ClientConversation::break_link(std::string_view what, Exchange& out) {
  if (link_->fatal) {
    link_->broken = true;
    return false;
  }
  Failure failure = fail(FailureKind::backend_protocol,
                         "the server sent " + std::string(what) + "; the connection is closed");
  if (welcomed_) {
    farewell(failure, out.to_client);
  } else {
    attach_failure_ = std::make_unique<Failure>(std::move(failure));
  }
  link_->broken = true;
  finished_ = true;
  return false;
}

}  // namespace sluice::protocol::postgresql
