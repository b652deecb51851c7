#pragma once

// The waiters that one call has taken out of the queue, with what they are to be told once the lock
// is gone. Linked through the waiters themselves: nothing is allocated.

#include "pool/pool.hpp"

namespace sluice::pool {

class Deliveries {
 public:
  bool empty() const { return first_ == nullptr; }

  void add(Waiter& waiter, Decision decision) {
    waiter.told_ = decision;
    waiter.next_told_ = nullptr;
    (last_ != nullptr ? last_->next_told_ : first_) = &waiter;
    last_ = &waiter;
  }

  // Never under the lock: a waiter takes the locks of its worker. Each may be gone, or may ask
  // again, as soon as it has been told.
  void deliver() {
    while (first_ != nullptr) {
      Waiter& waiter = *first_;
      first_ = waiter.next_told_;
      waiter.deliver(waiter.told_);
    }
    last_ = nullptr;
  }

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace sluice::pool
