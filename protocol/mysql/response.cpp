#include "protocol/mysql/response.hpp"

#include <algorithm>
#include <limits>

#include "protocol/cursor.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {
namespace {

// Larger packets of the kinds that are seen whole come from no correct server.
constexpr std::uint32_t kMaxWhole = 1U << 20U;
constexpr std::uint32_t kOldEofLimit = 9;

}  // namespace

void ReplyStream::start(ReplyKind kind, const ReplyOptions& options) {
  *this = ReplyStream();
  options_ = options;
  kind_ = kind;
  switch (kind) {
    case ReplyKind::rows:
      phase_ = Phase::rows;
      break;
    case ReplyKind::fields:
      phase_ = Phase::fields;
      break;
    case ReplyKind::text:
      phase_ = Phase::text;
      break;
    default:
      phase_ = Phase::first;
  }
}

bool ReplyStream::deprecated(std::uint32_t capabilities) const {
  return (capabilities & capability::kDeprecateEof) != 0;
}

bool ReplyStream::ends_rows(std::uint32_t length, std::uint8_t first) const {
  if (first == lead::kErr) {
    return length < kMaxPayload;
  }
  return first == lead::kEof &&
         length < (deprecated(options_.backend) ? kMaxPayload : kOldEofLimit);
}

ReplyStream::Look ReplyStream::look(std::uint32_t length, std::uint8_t first) const {
  Look decoded = length <= kMaxWhole ? Look::whole : Look::bad;
  switch (phase_) {
    case Phase::first:
    case Phase::columns_end:
    case Phase::params_end:
    case Phase::prepared_columns_end:
      return length > 0 ? decoded : Look::bad;
    case Phase::rows:
      if (ends_rows(length, first)) {
        return decoded;
      }
      return options_.capture_rows ? decoded : Look::stream;
    case Phase::fields:
      return first == lead::kEof || first == lead::kErr ? decoded : Look::stream;
    case Phase::columns:
    case Phase::params:
    case Phase::prepared_columns:
    case Phase::text:
      return first == lead::kErr ? decoded : Look::stream;
    case Phase::infile:  // the server must wait for the file; an early ERR is all it may send
      return first == lead::kErr ? decoded : Look::bad;
    case Phase::done:
      break;
  }
  return Look::bad;
}

// The row packets at the head of `in` that are there as a whole, within the limits.
ReplyStream::Rows ReplyStream::plain_rows(Bytes in) const {
  constexpr auto kNone = std::numeric_limits<std::uint64_t>::max();
  const AnswerLimits& limits = options_.limits;
  const std::uint64_t most_rows = limits.rows == 0 ? kNone : limits.rows - rows_;
  const std::uint64_t most_bytes =
      limits.bytes == 0 ? kNone : limits.bytes - std::min(bytes_, limits.bytes);
  Rows rows;
  std::size_t end = 0;
  while (in.size() - end > kHeaderSize && rows.count < most_rows) {
    PacketHeader header = *read_header(in.subspan(end, kHeaderSize));
    std::size_t size = kHeaderSize + header.length;
    if (header.length == 0 || header.length == kMaxPayload || in.size() - end < size ||
        ends_rows(header.length, in[end + kHeaderSize]) || end + size > most_bytes) {
      break;
    }
    rows.last = header.sequence;
    ++rows.count;
    end += size;
  }
  rows.bytes = in.first(end);
  return rows;
}

// The next row, whose first packet has this length, does not pass any more. One that has begun is
// finished, however long it is: nothing can be written into the middle of it.
bool ReplyStream::beyond_limits(std::uint32_t length) const {
  const AnswerLimits& limits = options_.limits;
  return (limits.rows != 0 && rows_ >= limits.rows) ||
         (limits.bytes != 0 &&
          kHeaderSize + length > limits.bytes - std::min(bytes_, limits.bytes));
}

// An ERR in the place of the next row ends the reply for the client.
void ReplyStream::cut(Outbox& out) {
  insert_pending_eof(out);
  const Buffer error = encode_err(limit_failure(options_.limits, rows_));
  put_packet(out, next_,
             [&](Buffer& buffer) { buffer.insert(buffer.end(), error.begin(), error.end()); });
  ++next_;
  started_ = cut_ = true;
  options_.forward = false;
  options_.limits = {};
}

// Whole rows pass together. Where the client's numbers are not the server's they are copied, which
// costs less than a piece for each header and one for each row.
void ReplyStream::pass_rows(Bytes& in, Outbox& out) {
  const Rows passed = plain_rows(in);
  const Bytes rows = passed.bytes;
  if (rows.empty()) {
    return;
  }
  insert_pending_eof(out);
  in = in.subspan(rows.size());
  next_ = static_cast<std::uint8_t>(passed.last + shift_ + 1);
  if (!options_.forward) {
    return;
  }
  rows_ += passed.count;
  bytes_ += rows.size();
  started_ = true;
  if (shift_ == 0) {
    out.borrow(rows);
    return;
  }
  out.compose([&](Buffer& buffer) {
    const std::size_t begin = buffer.size();
    buffer.insert(buffer.end(), rows.begin(), rows.end());
    for (std::size_t at = begin; at < buffer.size();) {
      const PacketHeader header = *read_header(Bytes(buffer).subspan(at, kHeaderSize));
      buffer[at + 3] = static_cast<std::uint8_t>(header.sequence + shift_);
      at += kHeaderSize + header.length;
    }
  });
}

// Brings `held_` to `size` bytes; false when `in` has not enough.
bool ReplyStream::collect(Bytes& in, std::size_t size) {
  if (held_.size() < size) {
    std::size_t count = std::min(size - held_.size(), in.size());
    held_.insert(held_.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(count));
    in = in.subspan(count);
  }
  return held_.size() >= size;
}

void ReplyStream::release_held() {
  if (held_used_) {
    Buffer().swap(held_);
    held_used_ = false;
  }
}

ReplyEvent ReplyStream::feed(Bytes& in, Outbox& out) {
  release_held();
  while (!done()) {
    if (streaming_) {
      if (in.empty() && left_ > 0) {
        return ReplyEvent::more;
      }
      stream_payload(in, out);
      if (!streaming_ && end_of_packet(out)) {
        return ReplyEvent::finished;
      }
      continue;
    }
    if (phase_ == Phase::rows && held_.empty() && !continued_ && !options_.capture_rows) {
      pass_rows(in, out);
    }
    if (in.empty() && held_.empty()) {
      return ReplyEvent::more;
    }
    // A header and the first byte decide; they are copied only when they come in pieces.
    const bool direct = held_.empty() && in.size() > kHeaderSize;
    if (!direct && !collect(in, kHeaderSize)) {
      return ReplyEvent::more;
    }
    PacketHeader header = *read_header(direct ? in : Bytes(held_));
    if (!direct && header.length > 0 && !continued_ && !collect(in, kHeaderSize + 1)) {
      return ReplyEvent::more;
    }
    const Bytes have = direct ? in : Bytes(held_);
    const bool seen = header.length > 0 && have.size() > kHeaderSize;
    const std::uint8_t first = seen ? have[kHeaderSize] : 0;
    Look how = continued_ ? Look::stream : look(header.length, first);
    if (how == Look::bad) {
      return ReplyEvent::broken;
    }
    if (how == Look::stream) {
      if (phase_ == Phase::rows && !continued_ && beyond_limits(header.length)) {
        cut(out);
        return ReplyEvent::limited;
      }
      begin_stream(in, out, header);
      continue;
    }
    const std::size_t size = kHeaderSize + header.length;
    if (held_.empty() && in.size() >= size) {
      whole_ = in.first(size);
      in = in.subspan(size);
    } else if (collect(in, size)) {
      whole_ = held_;
      held_used_ = true;
    } else {
      return ReplyEvent::more;
    }
    ReplyEvent event = decide(out);
    if (event != ReplyEvent::more) {
      return event;
    }
    release_held();
  }
  return ReplyEvent::more;
}

// Passes the header on, and what of the payload was held.
bool ReplyStream::begin_stream(Bytes& in, Outbox& out, PacketHeader header) {
  insert_pending_eof(out);
  const bool was_held = !held_.empty();
  if (!was_held && in.size() < kHeaderSize) {
    return false;
  }
  Bytes head = was_held ? Bytes(held_) : in.first(kHeaderSize);
  const auto sequence = static_cast<std::uint8_t>(header.sequence + shift_);
  if (options_.forward) {
    if (was_held || shift_ != 0) {
      out.compose([&](Buffer& buffer) {
        append_header(buffer, {header.length, sequence});
        Writer(buffer).bytes(head.subspan(kHeaderSize));
      });
    } else {
      out.borrow(head);
    }
    started_ = true;
    if (phase_ == Phase::rows) {
      rows_ += continued_ ? 0 : 1;
      bytes_ += kHeaderSize + header.length;
    }
  }
  left_ = header.length - static_cast<std::uint32_t>(head.size() - kHeaderSize);
  if (was_held) {
    held_.clear();
  } else {
    in = in.subspan(kHeaderSize);
  }
  next_ = static_cast<std::uint8_t>(sequence + 1);
  full_ = header.length == kMaxPayload;
  streaming_ = true;
  return true;
}

void ReplyStream::stream_payload(Bytes& in, Outbox& out) {
  std::size_t count = std::min<std::size_t>(left_, in.size());
  if (options_.forward) {
    out.borrow(in.first(count));
  }
  in = in.subspan(count);
  left_ -= static_cast<std::uint32_t>(count);
  streaming_ = left_ > 0;
}

// True when the reply is over.
bool ReplyStream::end_of_packet(Outbox& out) {
  continued_ = full_;
  if (continued_) {
    return false;
  }
  switch (phase_) {
    case Phase::columns:
      if (--remaining_ == 0) {
        const bool marked = !deprecated(options_.backend);
        pending_eof_ = !marked && !deprecated(options_.client);
        phase_ = marked ? Phase::columns_end : Phase::rows;
      }
      break;
    case Phase::params:
      if (--remaining_ == 0) {
        next_prepare_phase(out, true);
      }
      break;
    case Phase::prepared_columns:
      if (--remaining_ == 0) {
        next_prepare_phase(out, false);
      }
      break;
    case Phase::text:
      phase_ = Phase::done;
      break;
    default:
      break;
  }
  return done();
}

// The definitions of a prepare reply, group by group; each group ends with an EOF for those who
// still want one.
void ReplyStream::next_prepare_phase(Outbox& out, bool params_done) {
  if (!deprecated(options_.backend)) {
    phase_ = params_done ? Phase::params_end : Phase::prepared_columns_end;
    return;
  }
  after_definitions(out, params_done);
}

void ReplyStream::after_definitions(Outbox& out, bool more_follow) {
  if (deprecated(options_.backend) && !deprecated(options_.client)) {
    insert_eof(out);
  }
  const bool columns = more_follow && prepared_.columns > 0;
  remaining_ = columns ? prepared_.columns : 0;
  phase_ = columns ? Phase::prepared_columns : Phase::done;
}

}  // namespace sluice::protocol::mysql
