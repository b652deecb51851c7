// The packets of a reply that are seen whole: what they mean and how they look to the client.

#include "protocol/cursor.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/response.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {

ReplyEvent ReplyStream::decide(Outbox& out) {
  if (whole_.size() == kHeaderSize) {  // a row without a byte, captured
    row_ = {};
    return ReplyEvent::row;
  }
  const std::uint8_t first = whole_[kHeaderSize];
  if (first == lead::kErr && !(phase_ == Phase::rows && payload().size() >= kMaxPayload)) {
    return error_packet(out);
  }
  switch (phase_) {
    case Phase::first:
      return first_packet(first, out);
    case Phase::columns_end:
    case Phase::params_end:
    case Phase::prepared_columns_end:
      return definitions_end(out);
    case Phase::rows:
      if (options_.capture_rows &&
          !ends_rows(static_cast<std::uint32_t>(payload().size()), first)) {
        row_ = payload();
        return ReplyEvent::row;
      }
      return terminator(first, out);
    case Phase::fields:
      return terminator(first, out);
    default:
      return ReplyEvent::broken;
  }
}

ReplyEvent ReplyStream::first_packet(std::uint8_t first, Outbox& out) {
  switch (kind_) {
    case ReplyKind::simple:
      return first == lead::kOk || first == lead::kEof ? terminator(first, out)
                                                       : ReplyEvent::broken;
    case ReplyKind::prepare:
      return first == lead::kOk ? prepare_head(out) : ReplyEvent::broken;
    case ReplyKind::query:
      if (first == lead::kOk) {
        return terminator(first, out);
      }
      if (first == lead::kLocalInfile) {
        if (options_.allow_infile) {
          forward_whole(out);
        }
        phase_ = Phase::infile;
        return ReplyEvent::infile;
      }
      return column_count(out);
    default:
      return ReplyEvent::broken;
  }
}

ReplyEvent ReplyStream::column_count(Outbox& out) {
  Cursor cursor(payload());
  remaining_ = cursor.lenenc();
  if (!cursor.finished() || remaining_ == 0 || remaining_ > 0xFFFF) {
    return ReplyEvent::broken;
  }
  forward_whole(out);
  phase_ = Phase::columns;
  return ReplyEvent::more;
}

ReplyEvent ReplyStream::prepare_head(Outbox& out) {
  Cursor cursor(payload());
  cursor.skip(1);
  prepared_.id = cursor.le32();
  prepared_.columns = cursor.le16();
  prepared_.params = cursor.le16();
  Bytes rest = cursor.take_rest();
  if (!cursor.ok()) {
    return ReplyEvent::broken;
  }
  if (auto sequence = replace()) {
    put_packet(out, *sequence, [&](Buffer& buffer) {
      Writer(buffer)
          .u8(lead::kOk)
          .le32(options_.statement_id)
          .le16(prepared_.columns)
          .le16(prepared_.params)
          .bytes(rest);
    });
  }
  if (prepared_.params > 0) {
    remaining_ = prepared_.params;
    phase_ = Phase::params;
  } else if (prepared_.columns > 0) {
    remaining_ = prepared_.columns;
    phase_ = Phase::prepared_columns;
  } else {
    phase_ = Phase::done;
  }
  return ReplyEvent::prepared;
}

// An EOF packet where definitions end, from a backend without DEPRECATE_EOF.
ReplyEvent ReplyStream::definitions_end(Outbox& out) {
  Result<Eof> eof = decode_eof(payload());
  if (!eof) {
    return ReplyEvent::broken;
  }
  const bool drop = deprecated(options_.client);
  const bool cursor = (eof->status & status_flag::kCursorExists) != 0;
  if (phase_ == Phase::columns_end && cursor) {  // the rows are fetched later: the result ends here
    return terminator(lead::kEof, out);
  }
  if (drop) {
    --shift_;
  } else {
    forward_whole(out);
  }
  if (phase_ == Phase::columns_end) {
    phase_ = Phase::rows;
    return ReplyEvent::more;
  }
  after_definitions(out, phase_ == Phase::params_end);
  return done() ? ReplyEvent::finished : ReplyEvent::more;
}

// What ends a result: OK, OK as EOF, or the old EOF.
ReplyEvent ReplyStream::terminator(std::uint8_t first, Outbox& out) {
  if (first == lead::kEof && payload().size() == 5) {
    Result<Eof> eof = decode_eof(payload());
    if (!eof) {
      return ReplyEvent::broken;
    }
    ok_ = Ok{};
    ok_.status = eof->status;
    ok_.warnings = eof->warnings;
  } else {
    Result<Ok> ok = decode_ok(payload(), options_.backend);
    if (!ok) {
      return ReplyEvent::broken;
    }
    ok_ = *ok;
    changed_ += first == lead::kOk ? ok_.affected_rows : 0;
  }
  if ((ok_.status & status_flag::kCursorExists) != 0 && kind_ != ReplyKind::rows) {
    pending_eof_ = false;  // the client reads one EOF only: this one
  }
  insert_pending_eof(out);
  const bool more = (ok_.status & status_flag::kMoreResults) != 0 && kind_ == ReplyKind::query;
  if (options_.refuse_open && !more && status_flag::in_transaction(ok_.status)) {
    if (auto sequence = replace()) {
      refused_ = true;
      const Buffer error = encode_err(
          fail(FailureKind::unsupported_feature,
               "transactions of several statements are refused in pool_mode statement; what this "
               "one did is rolled back"));
      put_packet(out, *sequence,
                 [&](Buffer& buffer) { buffer.insert(buffer.end(), error.begin(), error.end()); });
    }
  } else {
    forward_ok(first, out);
  }
  phase_ = more ? Phase::first : Phase::done;
  return ReplyEvent::ok;
}

ReplyEvent ReplyStream::error_packet(Outbox& out) {
  Result<Err> error = decode_err(payload());
  if (!error) {
    return ReplyEvent::broken;
  }
  error_ = *error;
  insert_pending_eof(out);
  forward_whole(out);
  phase_ = Phase::done;
  failed_ = true;
  return ReplyEvent::error;
}

void ReplyStream::forward_whole(Outbox& out) {
  const auto sequence = static_cast<std::uint8_t>(whole_[3] + shift_);
  next_ = static_cast<std::uint8_t>(sequence + 1);
  if (!options_.forward) {
    return;
  }
  started_ = true;
  if (shift_ == 0 && held_.empty()) {
    out.borrow(whole_);
  } else {
    put_packet(out, sequence, [&](Buffer& buffer) { Writer(buffer).bytes(payload()); });
  }
}

// The number of a packet of our own in the place of the one that came; nothing is to be written
// when the reply is swallowed.
std::optional<std::uint8_t> ReplyStream::replace() {
  const auto sequence = static_cast<std::uint8_t>(whole_[3] + shift_);
  next_ = static_cast<std::uint8_t>(sequence + 1);
  if (!options_.forward) {
    return std::nullopt;
  }
  started_ = true;
  return sequence;
}

void ReplyStream::write_ok(std::uint32_t capabilities, OkLead lead, Outbox& out) {
  if (auto sequence = replace()) {
    put_packet(out, *sequence, [&](Buffer& buffer) { append_ok(buffer, ok_, capabilities, lead); });
  }
}

void ReplyStream::forward_ok(std::uint8_t first, Outbox& out) {
  const bool ends_result = first == lead::kEof;
  const bool old_eof = ends_result && payload().size() == 5;
  const std::uint32_t shown =
      options_.show_state ? options_.client : options_.client & ~capability::kSessionTrack;
  if (ends_result && !deprecated(options_.client)) {
    if (old_eof) {
      forward_whole(out);
    } else {
      const auto status =
          static_cast<std::uint16_t>(ok_.status & ~status_flag::kSessionStateChanged);
      if (auto sequence = replace()) {
        put_packet(out, *sequence, [&](Buffer& buffer) {
          append_eof(buffer, {ok_.warnings, status});
        });
      }
    }
    return;
  }
  if (old_eof) {
    write_ok(shown, OkLead::end_of_result, out);
    return;
  }
  const bool tracked = (ok_.status & status_flag::kSessionStateChanged) != 0;
  if (tracked && (shown & capability::kSessionTrack) == 0) {
    write_ok(shown, ends_result ? OkLead::end_of_result : OkLead::ok, out);
    return;
  }
  forward_whole(out);
}

void ReplyStream::insert_eof(Outbox& out) {
  if (options_.forward) {
    put_packet(out, next_, [&](Buffer& buffer) { append_eof(buffer, {0, options_.status}); });
    started_ = true;
  }
  ++next_;
  ++shift_;
}

void ReplyStream::insert_pending_eof(Outbox& out) {
  if (pending_eof_) {
    pending_eof_ = false;
    insert_eof(out);
  }
}

}  // namespace sluice::protocol::mysql
