#include "proxy/buffers.hpp"

namespace sluice::proxy {

Block* Buffers::borrow() {
  ++lent_;
  if (free_.empty()) {
    return new Block;
  }
  Block* block = free_.back().release();
  free_.pop_back();
  return block;
}

void Buffers::give_back(Block* block) {
  --lent_;
  block->exchange.to_client.clear();
  block->exchange.to_backend.clear();
  block->exchange.facts = {};
  if (free_.size() < kKeep) {
    free_.emplace_back(block);
  } else {
    delete block;
  }
}

}  // namespace sluice::proxy
