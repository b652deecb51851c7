#pragma once

// A small seeded generator (splitmix64): what is drawn from it decides nothing but times.

#include <cstdint>

namespace sluice::pool {

class Jitter {
 public:
  explicit Jitter(std::uint64_t seed) : state_(seed) {}

  // In [0, 1).
  float next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return static_cast<float>((z ^ (z >> 31U)) >> 40U) / static_cast<float>(1U << 24U);
  }

 private:
  std::uint64_t state_;
};

}  // namespace sluice::pool
