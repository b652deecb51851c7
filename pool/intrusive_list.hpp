#pragma once

// A doubly linked list through a Link that is a member of T: nothing is allocated, and an element
// leaves from anywhere in constant time. Owns nothing.

#include <cstddef>

namespace sluice::pool {

template <typename T>
struct Link {
  T* previous = nullptr;
  T* next = nullptr;
};

template <typename T, Link<T> T::*kLink>
class IntrusiveList {
 public:
  T* front() const { return front_; }
  T* back() const { return back_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  static T* next(const T& element) { return (element.*kLink).next; }
  static T* previous(const T& element) { return (element.*kLink).previous; }

  void push_back(T& element) { insert_before(nullptr, element); }

  // `place` is in this list, or null: then the element is the last.
  void insert_before(T* place, T& element) {
    Link<T>& link = element.*kLink;
    link.next = place;
    link.previous = place != nullptr ? previous(*place) : back_;
    (link.previous != nullptr ? (link.previous->*kLink).next : front_) = &element;
    (place != nullptr ? (place->*kLink).previous : back_) = &element;
    ++size_;
  }

  // `element` must be in this list.
  void erase(T& element) {
    Link<T>& link = element.*kLink;
    (link.previous != nullptr ? (link.previous->*kLink).next : front_) = link.next;
    (link.next != nullptr ? (link.next->*kLink).previous : back_) = link.previous;
    link = {};
    --size_;
  }

 private:
  T* front_ = nullptr;
  T* back_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sluice::pool
