#pragma once

// What is to be written to one peer: an ordered list of pieces, each either borrowed from the chunk
// that was just read (untouched bytes are not copied) or owned by the outbox.

#include <cstddef>
#include <vector>

#include "protocol/bytes.hpp"

namespace sluice::protocol {

class Outbox {
 public:
  // Bytes of the current input; they must stay where they are until the outbox is empty.
  // Neighbours are merged into one piece.
  void borrow(Bytes bytes);
  // Bytes that are copied in.
  void own(Bytes bytes);
  // As own(): what `fill` appends to the buffer that it is called with.
  template <typename Fill>
  void compose(Fill fill) {
    const std::size_t begin = own_from();
    fill(owned_);
    owned_to(begin);
  }

  bool empty() const { return pieces_.empty(); }
  std::size_t size() const;  // bytes left
  std::size_t pieces() const { return pieces_.size() - first_; }
  Bytes piece(std::size_t index) const;
  // The first `count` bytes were written. When all were, the outbox is empty and its memory kept.
  void consume(std::size_t count);
  void clear();

 private:
  struct Piece {
    const std::uint8_t* data;  // null: `offset` into owned_
    std::size_t offset;
    std::size_t length;
  };
  // Shorter pieces are copied next to a piece of ours: one buffer is cheaper to write than two.
  static constexpr std::size_t kShort = 512;

  std::size_t own_from();
  void owned_to(std::size_t begin);

  std::vector<Piece> pieces_;
  std::size_t first_ = 0;
  Buffer owned_;
};

}  // namespace sluice::protocol
