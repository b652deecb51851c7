#pragma once

// A doubly linked list through the previous_ and next_ members of T: nothing is allocated, and an
// element leaves from anywhere in constant time. Owns nothing.

#include <cstddef>

namespace sluice::pool {

template <typename T>
class IntrusiveList {
 public:
  T* front() const { return front_; }
  T* back() const { return back_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  static T* next(const T& element) { return element.next_; }
  static T* previous(const T& element) { return element.previous_; }

  void push_back(T& element) {
    element.previous_ = back_;
    element.next_ = nullptr;
    (back_ != nullptr ? back_->next_ : front_) = &element;
    back_ = &element;
    ++size_;
  }

  // `element` must be in this list.
  void erase(T& element) {
    (element.previous_ != nullptr ? element.previous_->next_ : front_) = element.next_;
    (element.next_ != nullptr ? element.next_->previous_ : back_) = element.previous_;
    element.previous_ = nullptr;
    element.next_ = nullptr;
    --size_;
  }

 private:
  T* front_ = nullptr;
  T* back_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sluice::pool
