// What the client sends (documentation: "Message Flow").

#include "protocol/postgresql/conversation.hpp"
#include "protocol/sql/plain.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::postgresql {

std::size_t ClientConversation::head_limit(char type) const {
  switch (type) {
    case frontend::kQuery:
    case frontend::kParse:
      return inspection_ && inspection_->keep > kHeadLimit ? inspection_->keep : kHeadLimit;
    case frontend::kBind:
    case frontend::kDescribe:
    case frontend::kClose:
    case frontend::kExecute:
      return kHeadLimit;
    case frontend::kFunctionCall:
      return kHeaderSize + sizeof(std::uint32_t);  // the function
    default:
      return kHeaderSize;
  }
}

Need ClientConversation::from_client(Bytes& in, Exchange& out) {
  for (;;) {
    if (finished_) {
      return Need::close;
    }
    Head head;
    const auto limit = [this](char type) { return head_limit(type); };
    switch (reader_.peek(in, defaults_->max_message, limit, head)) {
      case FrameReader::Got::more:
        return Need::input;
      case FrameReader::Got::body:
        take_body(in, out);
        break;
      case FrameReader::Got::bad:
        return *throw_out(fail(FailureKind::protocol_violation, "invalid message length"), out);
      case FrameReader::Got::too_large:
        return *throw_out(fail(FailureKind::message_too_large, "the message is too large"), out);
      case FrameReader::Got::head:
        if (Step stop = request(head, out)) {
          return *stop;
        }
        reader_.accept(in, head);
        break;
    }
  }
}

ClientConversation::Step ClientConversation::request(const Head& head, Exchange& out) {
  drop();
  if (head.type == frontend::kTerminate) {
    finished_ = true;
    return Need::close;
  }
  if (drop_head_) {
    drop_head_ = false;
    return std::nullopt;
  }
  switch (head.type) {
    case frontend::kSync:
    case frontend::kFlush:
      if (head.size != kHeaderSize) {
        return throw_out(fail(FailureKind::protocol_violation, "invalid message format"), out);
      }
      if (link_ != nullptr && (link_->fatal || (is_cut() && !skip_to_sync_))) {
        return Need::reply;
      }
      head.type == frontend::kSync ? sync(head, out) : flush(head, out);
      return std::nullopt;
    case frontend::kCopyData:
    case frontend::kCopyDone:
    case frontend::kCopyFail:
      copy(head, out);
      return std::nullopt;
    case frontend::kQuery:
    case frontend::kFunctionCall:
    case frontend::kParse:
    case frontend::kBind:
    case frontend::kDescribe:
    case frontend::kClose:
    case frontend::kExecute:
      return needs_backend(head, out);
    default:
      return throw_out(fail(FailureKind::protocol_violation,
                            "invalid frontend message type " +
                                std::to_string(static_cast<unsigned char>(head.type))),
                       out);
  }
}

ClientConversation::Step ClientConversation::needs_backend(const Head& head, Exchange& out) {
  Step stop;
  if (skipping_) {
    return skip_message();
  }
  if (link_ == nullptr) {
    head_type_ = head.type;
    if (attach_failure_) {
      Failure failure = std::move(*attach_failure_);
      attach_failure_.reset();
      refuse(failure, out);
      drop_head_ = false;  // this is it
      return std::nullopt;
    }
    if (watched() && !admitted_ && !admit(head, out, stop)) {
      return stop;
    }
    return Need::backend;
  }
  if (link_->ignoring || skip_to_sync_) {
    return skip_message();
  }
  if (is_cut()) {
    return Need::reply;  // whether a transaction has failed is still to be seen
  }
  if (link_->fatal || (link_->unclean && !batch_open_)) {
    return Need::reply;
  }
  if (link_->copy_in) {
    return throw_out(fail(FailureKind::protocol_violation, "unexpected message during COPY"), out);
  }
  if ((stop = settle(out))) {
    return stop;
  }
  if (watched() && !admitted_ && !admit(head, out, stop)) {
    return stop;
  }
  used_ = true;
  if (reset_ == Reset::done && runs_after_reset(head, out)) {
    admitted_ = false;
    return std::nullopt;
  }
  stop = is_rewritten() ? send_rewritten(head.type, out) : send_request(head, out);
  admitted_ = admitted_ && stop;
  return stop;
}

ClientConversation::Step ClientConversation::send_request(const Head& head, Exchange& out) {
  if (head.type == frontend::kQuery) {
    return query(head, out);
  }
  if (head.type == frontend::kFunctionCall) {
    link_->expected.push(Reply::function_call).asked = take_admission();
    pass(head, out);
    return std::nullopt;
  }
  return extended(head, out);
}

ClientConversation::Step ClientConversation::query(const Head& head, Exchange& out) {
  if (!head.whole()) {
    long_query(head, out);
    return std::nullopt;
  }
  std::string_view text = as_text(head.body());
  text = text.substr(0, text.find('\0'));
  std::unique_ptr<Aftermath> aftermath;
  if (sql::Plain plain = sql::plain_postgresql(text); plain != sql::Plain::unknown) {
    sequence_ok_ = sequence_ok_ || plain == sql::Plain::writes;
  } else if (Step stop; !query_with_effects(text, head, out, aftermath, stop)) {
    return stop;
  }
  Expected& entry = link_->expected.push(Reply::query);
  entry.asked = take_admission();
  entry.aftermath = std::move(aftermath);
  entry.previous = std::move(unnamed_);
  unnamed_.reset();
  link_->unnamed.reset();
  link_->unnamed_known = true;
  pass(head, out);
  return std::nullopt;
}

// What the text does to the session, in `aftermath` if there is anything. False: it is not sent,
// and `stop` says what becomes of it.
bool ClientConversation::query_with_effects(std::string_view text, const Head& head, Exchange& out,
                                            std::unique_ptr<Aftermath>& aftermath, Step& stop) {
  sql::Classifier classifier(scanner_options());
  classifier.feed(as_bytes(text));
  sql::Effects& effects = classifier.finish();
  if (auto transaction = refused_transaction(effects)) {
    stop = link_->expected.empty() ? refuse_query(*transaction, head, out) : Step(Need::reply);
    return false;
  }
  if (!effects.any()) {
    return true;
  }
  std::optional<Failure> refusal;
  stop = consider(effects, refusal);
  if (stop) {
    return false;
  }
  bool known = effects.deallocate && statements_ && statements_->find(effects.name) != nullptr;
  if (refusal || (known && link_->status != 'E')) {
    stop = !link_->expected.empty() ? Step(Need::reply)
           : refusal                ? refuse_query(*refusal, head, out)
                                    : deallocate(effects, head, out);
    return false;
  }
  watch(effects);
  if (guarded_ && batch_open_ &&
      (effects.discard_all || effects.change == sql::Change::reset_all)) {
    reset_ = Reset::done;
  }
  aftermath = std::make_unique<Aftermath>();
  aftermath->own = std::make_unique<const sql::Effects>(std::move(effects));
  aftermath->serial = serial_;
  return true;
}

// Seen piece by piece: classified when its last byte has gone by.
void ClientConversation::long_query(const Head& head, Exchange& out) {
  watch_body(head.body(), false);
  Expected& entry = link_->expected.push(Reply::query);
  entry.asked = take_admission();
  entry.previous = std::move(unnamed_);
  unnamed_.reset();
  link_->unnamed.reset();
  link_->unnamed_known = true;
  pass(head, out);
}

// `begin` are the first bytes of a text that is not kept, or all of it.
void ClientConversation::watch_body(Bytes begin, bool whole) {
  Scratch& state = scratch();
  state.classifier = std::make_unique<sql::Classifier>(scanner_options());
  state.classifier->feed(begin);
  if (guarded_ && !whole) {
    state.guard = std::make_unique<SettingsGuard>(*defaults_, syntax());
    state.guard->feed(begin);
  }
}

void ClientConversation::take_body(Bytes& in, Exchange& out) {
  Bytes piece = reader_.take_body(in);
  if (scratch_ && scratch_->guard && !guard_body(piece, out)) {
    return;
  }
  if (forwarding_) {
    out.to_backend.borrow(piece);
  }
  if (scratch_ && scratch_->classifier) {
    bool last = reader_.left() == 0;
    bool ends_with_nul = last && piece.back() == 0 && !scratch_->streamed;
    scratch_->classifier->feed(ends_with_nul ? piece.first(piece.size() - 1) : piece);
    if (last) {
      end_of_body(out);
    }
  }
}

// A long Query or Parse is complete.
void ClientConversation::end_of_body(Exchange& out) {
  auto classifier = std::move(scratch_->classifier);
  auto streamed = std::move(scratch_->streamed);
  sql::Effects& effects = classifier->finish();
  if (link_ == nullptr || !effects.any()) {
    return;
  }
  if (effects.change != sql::Change::none) {
    effects.pins.add(Pin::settings);
    effects.change = sql::Change::none;
  }
  effects.deallocate = false;
  if (streamed) {
    streamed->effects = std::make_unique<const sql::Effects>(std::move(effects));
    return;
  }
  if (auto refusal = refusal_of(effects)) {
    throw_out(*refusal, out);
    return;
  }
  watch(effects);
  if (!link_->expected.empty() && link_->expected.back().kind == Reply::query) {
    auto aftermath = std::make_unique<Aftermath>();
    aftermath->own = std::make_unique<const sql::Effects>(std::move(effects));
    aftermath->serial = serial_;
    link_->expected.back().aftermath = std::move(aftermath);
  }
}

void ClientConversation::sync(const Head& head, Exchange& out) {
  if (std::exchange(fail_at_sync_, false) && link_ != nullptr && !link_->ignoring) {
    fail_batch(fail(FailureKind::internal, ""), out);  // swallowed: the client has its error
  }
  skip_to_sync_ = batch_open_ = false;
  reset_ = Reset::none;
  if (link_ == nullptr) {
    skipping_ = false;
    Buffer bytes;
    put_ready_for_query(bytes, 'I');
    out.to_client.own(bytes);
    return;
  }
  if (link_->copy_in) {
    batch_open_ = true;  // the server ignores it
    return;
  }
  link_->ignoring = false;
  link_->expected.push(Reply::sync);
  used_ = true;
  pass(head, out);
}

void ClientConversation::flush(const Head& head, Exchange& out) {
  if (link_ != nullptr && !link_->copy_in && !link_->ignoring) {
    pass(head, out);
  }
}

// Outside of a COPY the server drops these: they follow an error that the client had not seen.
void ClientConversation::copy(const Head& head, Exchange& out) {
  if (link_ == nullptr || link_->ignoring || link_->fatal || link_->expected.empty()) {
    return;
  }
  if (head.type != frontend::kCopyData) {
    if (link_->copy_in) {
      link_->copy_in = false;
    } else {
      link_->expected.push(Reply::copy_end).visible = false;
    }
  }
  pass(head, out);
}

ClientConversation::Step ClientConversation::throw_out(const Failure& failure, Exchange& out) {
  farewell(failure, out.to_client);
  finished_ = true;
  return Need::close;
}

void ClientConversation::pass(const Head& head, Exchange& out) {
  pass_tail(head, 0, out);
}

void ClientConversation::pass_tail(const Head& head, std::size_t skipped, Exchange& out) {
  forwarding_ = true;
  Bytes bytes = head.bytes.subspan(skipped);
  head.held ? out.to_backend.own(bytes) : out.to_backend.borrow(bytes);
}

void ClientConversation::send(char type, Bytes body, Exchange& out) {
  Buffer message;
  put_message(message, type, body);
  out.to_backend.own(message);
}

// Takes its turn behind the replies that the backend owes.
void ClientConversation::reply_locally(Buffer bytes, Exchange& out,
                                       std::unique_ptr<Aftermath> aftermath) {
  if (link_ == nullptr || (link_->expected.empty() && !mid_reply())) {
    out.to_client.own(bytes);
    return;
  }
  Expected& entry = link_->expected.push(Reply::local);
  entry.aftermath = aftermath ? std::move(aftermath) : std::make_unique<Aftermath>();
  entry.aftermath->local = std::move(bytes);
}

}  // namespace sluice::protocol::postgresql
