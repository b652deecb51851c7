#include "protocol/outbox.hpp"

namespace sluice::protocol {

void Outbox::borrow(Bytes bytes) {
  if (bytes.empty()) {
    return;
  }
  if (!pieces_.empty() && pieces_.back().data != nullptr &&
      pieces_.back().data + pieces_.back().length == bytes.data()) {
    pieces_.back().length += bytes.size();
    return;
  }
  if (bytes.size() <= kShort && !pieces_.empty() && pieces_.back().data == nullptr) {
    owned_.insert(owned_.end(), bytes.begin(), bytes.end());
    pieces_.back().length += bytes.size();
    return;
  }
  pieces_.push_back({bytes.data(), 0, bytes.size()});
}

void Outbox::own(Bytes bytes) {
  if (bytes.empty()) {
    return;
  }
  const std::size_t begin = own_from();
  owned_.insert(owned_.end(), bytes.begin(), bytes.end());
  owned_to(begin);
}

// A short borrowed piece at the end becomes one of ours, so that what follows joins it.
std::size_t Outbox::own_from() {
  if (!pieces_.empty() && pieces_.back().data != nullptr && pieces_.back().length <= kShort) {
    const Piece last = pieces_.back();
    const bool follows = pieces_.size() - first_ > 1 && pieces_[pieces_.size() - 2].data == nullptr;
    const std::size_t begin = owned_.size();
    owned_.insert(owned_.end(), last.data, last.data + last.length);
    if (follows) {
      pieces_.pop_back();
      pieces_.back().length += last.length;
    } else {
      pieces_.back() = {nullptr, begin, last.length};
    }
  }
  return owned_.size();
}

void Outbox::owned_to(std::size_t begin) {
  const std::size_t length = owned_.size() - begin;
  if (length == 0) {
    return;
  }
  if (!pieces_.empty() && pieces_.back().data == nullptr) {
    pieces_.back().length += length;
    return;
  }
  pieces_.push_back({nullptr, begin, length});
}

std::size_t Outbox::size() const {
  std::size_t total = 0;
  for (std::size_t i = first_; i < pieces_.size(); ++i) {
    total += pieces_[i].length;
  }
  return total;
}

Bytes Outbox::piece(std::size_t index) const {
  const Piece& piece = pieces_[first_ + index];
  const std::uint8_t* data = piece.data != nullptr ? piece.data : owned_.data() + piece.offset;
  return {data, piece.length};
}

void Outbox::consume(std::size_t count) {
  while (first_ < pieces_.size()) {
    Piece& piece = pieces_[first_];
    if (count < piece.length) {
      if (piece.data != nullptr) {
        piece.data += count;
      } else {
        piece.offset += count;
      }
      piece.length -= count;
      return;
    }
    count -= piece.length;
    ++first_;
  }
  clear();
}

void Outbox::clear() {
  pieces_.clear();
  owned_.clear();
  first_ = 0;
}

}  // namespace sluice::protocol
