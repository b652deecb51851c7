#pragma once

// Read buffers are borrowed: a stream hands out a Chunk of its worker's buffers, which goes back
// when it is dropped, so an idle connection owns none. A chunk carries the outboxes that the bytes
// of this read are turned into, since they live just as long.

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "protocol/conversation.hpp"

namespace sluice::proxy {

constexpr std::size_t kChunkSize = std::size_t{32} * 1024;

struct Block {
  protocol::Exchange exchange;  // first: a short read then touches one page of memory
  std::array<std::uint8_t, kChunkSize> bytes;
  // While it waits in the queue of a stream that receives ahead.
  Block* next = nullptr;
  std::uint32_t begin = 0;  // bytes before it have been handed out
  std::uint32_t end = 0;
};

class Buffers {
 public:
  Block* borrow();
  void give_back(Block* block);
  // Memory of the blocks that are lent, and of those kept to be lent.
  std::int64_t lent_bytes() const { return lent_ * std::int64_t{sizeof(Block)}; }
  std::int64_t free_bytes() const { return std::ssize(free_) * std::int64_t{sizeof(Block)}; }

 private:
  static constexpr std::size_t kKeep = 128;  // free blocks kept
  std::vector<std::unique_ptr<Block>> free_;
  std::int64_t lent_ = 0;
};

enum class Arrival : std::uint8_t {
  data,
  nothing,  // a wake-up without bytes: wait again
  end,      // the peer closed its side in order
  error,    // reset, timed out, TLS failure, or closed by us
};

class Chunk {
 public:
  Chunk() = default;
  explicit Chunk(Arrival arrival) : arrival_(arrival) {}
  Chunk(Buffers& home, Block* block, std::size_t size)
      : home_(&home),
        block_(block),
        end_(static_cast<std::uint32_t>(size)),
        arrival_(Arrival::data) {}
  Chunk(Buffers& home, Block* block)
      : home_(&home),
        block_(block),
        begin_(block->begin),
        end_(block->end),
        arrival_(Arrival::data) {}
  Chunk(Chunk&& other) noexcept
      : home_(other.home_),
        block_(std::exchange(other.block_, nullptr)),
        begin_(other.begin_),
        end_(other.end_),
        arrival_(other.arrival_) {}
  Chunk& operator=(Chunk&& other) noexcept {
    drop();
    home_ = other.home_;
    block_ = std::exchange(other.block_, nullptr);
    begin_ = other.begin_;
    end_ = other.end_;
    arrival_ = other.arrival_;
    return *this;
  }
  ~Chunk() { drop(); }

  Arrival arrival() const { return arrival_; }
  bool has_data() const { return arrival_ == Arrival::data; }
  bool spurious() const { return arrival_ == Arrival::nothing; }
  protocol::Bytes bytes() const { return {block_->bytes.data() + begin_, end_ - begin_}; }
  protocol::Exchange& exchange() { return block_->exchange; }
  void drop() {
    if (block_ != nullptr) {
      home_->give_back(std::exchange(block_, nullptr));
    }
  }

 private:
  Buffers* home_ = nullptr;
  Block* block_ = nullptr;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
  Arrival arrival_ = Arrival::nothing;
};

}  // namespace sluice::proxy
