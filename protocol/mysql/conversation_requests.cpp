// The client's bytes: where commands, their bodies and files begin and end.

#include <algorithm>
#include <utility>

#include "protocol/mysql/conversation.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {
namespace {

// So much of a command is seen before it is sent; what follows passes through.
constexpr std::size_t kHead = std::size_t{256} << 10U;
// However little is kept for an Inspector.
constexpr std::size_t kShortestHead = std::size_t{1} << 10U;

}  // namespace

Need MysqlConversation::from_client(Bytes& in, Exchange& out) {
  waiting_ = false;
  for (;;) {
    if (closing_) {
      return Need::close;
    }
    if (special_pending_) {
      return Need::reply;
    }
    if (in_body() || file_) {
      Stop stop = in_body() ? stream_body(in, out) : stream_file(in, out);
      if (stop) {
        return *stop;
      }
      continue;
    }
    if (in.empty() && partial_.empty()) {
      return Need::input;
    }
    if (link_ != nullptr && link_->busy()) {
      waiting_ = link_->purpose() != Purpose::client;
      return Need::reply;
    }
    std::optional<Head> head = read_head(in);
    if (!head) {
      return Need::input;
    }
    sequence_ = head->sequence;
    if (Stop stop = dispatch(*head, in, out)) {
      return *stop;
    }
  }
}

std::size_t MysqlConversation::head_limit(Command command) const {
  if (command == Command::stmt_prepare || command == Command::change_user) {
    return kMaxPayload;
  }
  return command == Command::query && inspection_ ? std::max(inspection_->keep, kShortestHead)
                                                  : kHead;
}

// The head of the next command, in `in` or gathered in partial_; null: more input is needed.
std::optional<MysqlConversation::Head> MysqlConversation::read_head(Bytes& in) {
  const auto gather = [&](std::size_t size) {
    if (partial_.size() < size) {
      std::size_t count = std::min(size - partial_.size(), in.size());
      partial_.insert(partial_.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(count));
      in = in.subspan(count);
    }
    return partial_.size() >= size;
  };
  Head head;
  head.owned = !partial_.empty();
  const Bytes have = head.owned ? Bytes(partial_) : in;
  if (have.size() <= kHeaderSize && !gather(kHeaderSize + 1)) {
    // An empty packet is no command; it is seen as soon as its header is there.
    const bool empty = partial_.size() == kHeaderSize && read_header(partial_)->length == 0;
    if (!empty) {
      return std::nullopt;
    }
  }
  head.owned = !partial_.empty();
  const Bytes start = head.owned ? Bytes(partial_) : in;
  const PacketHeader header = *read_header(start);
  head.length = header.length;
  head.sequence = header.sequence;
  const auto command = static_cast<Command>(start.size() > kHeaderSize ? start[kHeaderSize] : 0);
  const std::size_t size = kHeaderSize + std::min<std::size_t>(header.length, head_limit(command));
  if (!head.owned && in.size() >= size) {
    head.bytes = in.first(size);
    return head;
  }
  if (!gather(size)) {
    return std::nullopt;
  }
  head.owned = true;
  head.bytes = Bytes(partial_).first(size);
  return head;
}

void MysqlConversation::start_body(const Head& head, bool swallowed) {
  body_left_ = head.length - static_cast<std::uint32_t>(head.bytes.size() - kHeaderSize);
  body_continues_ = head.length == kMaxPayload;
  body_swallowed_ = swallowed;
  body_total_ = head.length;
}

// The head was dealt with: takes it out of the input.
void MysqlConversation::consume(const Head& head, Bytes& in) {
  if (head.owned) {
    Buffer().swap(partial_);
  } else {
    in = in.subspan(head.bytes.size());
  }
}

void MysqlConversation::swallow(const Head& head, Bytes& in) {
  start_body(head, true);
  consume(head, in);
}

void MysqlConversation::forward(const Head& head, Bytes& in, Exchange& out) {
  if (head.owned) {
    out.to_backend.own(head.bytes);
  } else {
    out.to_backend.borrow(head.bytes);
  }
  start_body(head, false);
  consume(head, in);
}

// As forward(), with `replaced` in the place of the first `skip` bytes of the payload.
void MysqlConversation::forward_rewritten(const Head& head, Bytes replaced, std::size_t skip,
                                          Bytes& in, Exchange& out) {
  const std::size_t length = head.length - skip + replaced.size();
  out.to_backend.compose([&](Buffer& buffer) {
    append_header(buffer, {static_cast<std::uint32_t>(length), head.sequence});
    Writer(buffer).bytes(replaced);
  });
  const Bytes rest = head.payload().subspan(skip);
  if (head.owned) {
    out.to_backend.own(rest);
  } else {
    out.to_backend.borrow(rest);
  }
  start_body(head, false);
  consume(head, in);
}

// The header of the next physical packet of a body or file; false: more input is needed.
bool MysqlConversation::body_packet(Bytes& in, Exchange& out) {
  const std::size_t count = std::min(kHeaderSize - partial_.size(), in.size());
  partial_.insert(partial_.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(count));
  in = in.subspan(count);
  if (partial_.size() < kHeaderSize) {
    return false;
  }
  const PacketHeader header = *read_header(partial_);
  partial_.clear();
  sequence_ = header.sequence;
  body_left_ = header.length;
  body_continues_ = !file_ && header.length == kMaxPayload;
  body_total_ += header.length;
  if (!body_swallowed_) {
    const std::uint8_t shift = file_ ? link_->stream().shift() : 0;
    Buffer bytes;
    append_header(bytes, {header.length, static_cast<std::uint8_t>(header.sequence - shift)});
    out.to_backend.own(bytes);
  }
  return true;
}

MysqlConversation::Stop MysqlConversation::stream_body(Bytes& in, Exchange& out) {
  if (in.empty()) {
    return Need::input;
  }
  if (body_left_ == 0 && !body_packet(in, out)) {
    return Need::input;
  }
  if (body_total_ > defaults_->max_message && !file_) {
    write_error(out,
                fail(FailureKind::message_too_large, "the statement is larger than sluice allows"),
                static_cast<std::uint8_t>(sequence_ + 1));
    closing_ = true;
    if (inspection_) {
      conclude_failed(encode_err(fail(FailureKind::message_too_large, {})));
    }
    return Need::close;
  }
  const std::size_t count = std::min<std::size_t>(body_left_, in.size());
  const Bytes part = in.first(count);
  if (!body_swallowed_) {
    if (running_ && running_->tail && !file_) {
      running_->tail->feed(part);
      if (asks_what_is_lost(running_->tail->statement())) {
        break_link(out, lost_state_error());
        return Need::close;
      }
    }
    if (running_ && running_->locks_tail && !file_ && !part.empty()) {
      if (std::optional<Failure> failure = breach_in_body(part)) {
        break_link(out, *failure);
        return Need::close;
      }
    }
    out.to_backend.borrow(part);
  }
  in = in.subspan(count);
  body_left_ -= static_cast<std::uint32_t>(count);
  if (!in_body()) {
    end_of_body(out);
  }
  return std::nullopt;
}

void MysqlConversation::end_of_body(Exchange& out) {
  if (file_) {
    return;
  }
  if (body_swallowed_) {
    if (held_error_) {
      out.to_client.own(packet(static_cast<std::uint8_t>(sequence_ + 1), *held_error_));
      held_error_.reset();
    }
    body_swallowed_ = false;
    return;
  }
  if (running_ && running_->locks_tail) {
    if (std::optional<Failure> failure = breach_in_body({})) {
      out.to_backend.clear();  // the server never gets the end of it
      break_link(out, *failure);
      return;
    }
    running_->locks_tail.reset();
  }
  if (running_ && running_->tail) {
    running_->tail->finish();
    running_->effects = running_->tail->statement();
    running_->tail.reset();
    add_pins(running_->effects);
  }
}

// Packets of a LOCAL INFILE; the empty one ends it.
MysqlConversation::Stop MysqlConversation::stream_file(Bytes& in, Exchange& out) {
  if (in.empty() || !body_packet(in, out)) {
    return Need::input;
  }
  if (body_left_ == 0) {
    file_ = false;
    if (!body_swallowed_ && link_ != nullptr) {
      link_->stream().file_sent();
    }
    body_swallowed_ = false;
  }
  return std::nullopt;
}

}  // namespace sluice::protocol::mysql
