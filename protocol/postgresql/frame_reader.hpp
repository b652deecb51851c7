#pragma once

// Finds the messages in a stream of chunks. Of each message a chosen number of bytes is seen
// together (its head); what follows the head is handed on as it comes, so that a message of any
// size passes through in constant memory.

#include <cstddef>
#include <cstdint>

#include "protocol/bytes.hpp"
#include "protocol/postgresql/frame.hpp"

namespace sluice::protocol::postgresql {

class FrameReader {
 public:
  enum class Got : std::uint8_t {
    more,       // `in` is used up
    head,       // `head` was filled; accept() it, or leave it and call again later
    body,       // take_body() gives the next piece of the message whose head was accepted
    bad,        // a length below 4
    too_large,  // longer than `max`
  };

  struct Head {
    char type = 0;
    bool held = false;     // `bytes` is in the reader: gone after accept(), so copy it
    std::size_t size = 0;  // of the whole message, header included
    Bytes bytes;           // the message, or its first part
    bool whole() const { return bytes.size() == size; }
    Bytes body() const { return bytes.subspan(kHeaderSize); }
  };

  // limit(type) is how many bytes of a message of this type are seen together, header included.
  template <typename Limit>
  Got peek(Bytes& in, std::size_t max, Limit limit, Head& head) {
    if (left_ != 0) {
      return in.empty() ? Got::more : Got::body;
    }
    bool holding = !held_.empty();
    Bytes have = in;
    if (holding) {
      fill(in, kHeaderSize);
      have = held_;
    }
    if (have.size() < kHeaderSize) {
      hold(in);
      return Got::more;
    }
    Header header;
    if (parse_header(have, header) == HeaderState::bad) {
      return Got::bad;
    }
    if (header.body > max) {
      return Got::too_large;
    }
    std::size_t want = limit(header.type);
    want = header.frame() < want ? header.frame() : want;
    if (holding) {
      fill(in, want);
      have = held_;
    }
    if (have.size() < want) {
      hold(in);
      return Got::more;
    }
    head.type = header.type;
    head.held = holding;
    head.size = header.frame();
    head.bytes = have.size() > head.size ? have.first(head.size) : have;
    return Got::head;
  }

  void accept(Bytes& in, const Head& head) {
    left_ = head.size - head.bytes.size();
    if (head.held) {
      Buffer().swap(held_);  // an idle session keeps no buffer
    } else {
      in = in.subspan(head.bytes.size());
    }
  }

  Bytes take_body(Bytes& in) {
    Bytes piece = in.first(in.size() < left_ ? in.size() : left_);
    in = in.subspan(piece.size());
    left_ -= piece.size();
    return piece;
  }

  // Bytes of the accepted message that have not been taken.
  std::size_t left() const { return left_; }
  // A head has begun to arrive, or waits to be accepted.
  bool holding() const { return !held_.empty(); }

 private:
  void fill(Bytes& in, std::size_t want);
  void hold(Bytes& in) {
    held_.insert(held_.end(), in.begin(), in.end());
    in = {};
  }

  Buffer held_;
  std::size_t left_ = 0;
};

}  // namespace sluice::protocol::postgresql
