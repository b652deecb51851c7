#pragma once

// The one checked reader. Every parse goes through it: each read checks what is left, the first
// failure sticks, and lengths are compared by subtraction, so no sum can overflow.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/bytes.hpp"

namespace sluice::protocol {

// Reads from borrowed bytes; what it returns lives as long as they do. After a failure every read
// returns zero or empty and ok() stays false, so a parser checks once, at its end.
class Cursor {
 public:
  explicit Cursor(Bytes bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  // True when everything was read and nothing failed: what most messages must end with.
  bool finished() const { return ok_ && rest_.empty(); }
  std::size_t remaining() const { return rest_.size(); }
  Bytes rest() const { return rest_; }
  void fail() {
    ok_ = false;
    rest_ = {};
  }

  std::uint8_t u8() { return little<std::uint8_t, 1>(); }
  std::uint16_t be16() { return big<std::uint16_t>(); }
  std::uint32_t be32() { return big<std::uint32_t>(); }
  std::uint16_t le16() { return little<std::uint16_t, 2>(); }
  std::uint32_t le24() { return little<std::uint32_t, 3>(); }
  std::uint32_t le32() { return little<std::uint32_t, 4>(); }
  std::uint64_t le64() { return little<std::uint64_t, 8>(); }

  Bytes take(std::size_t count) {
    if (count > rest_.size()) {  // empty after a failure
      fail();
      return {};
    }
    Bytes taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  void skip(std::size_t count) { take(count); }
  Bytes take_rest() { return take(rest_.size()); }
  // Text up to a NUL, which is consumed and not returned; fails without one.
  std::string_view cstring();
  // MySQL length-encoded integer; 0xFB (NULL) and 0xFF are failures.
  std::uint64_t lenenc();
  std::string_view lenenc_string();

 private:
  template <typename Int, std::size_t kWidth>
  Int little() {
    const Bytes bytes = take(kWidth);
    Int value = 0;
    if (!bytes.empty()) {
      for (std::size_t i = kWidth; i-- > 0;) {
        value = static_cast<Int>((std::uint64_t{value} << 8U) | bytes[i]);
      }
    }
    return value;
  }
  template <typename Int>
  Int big() {
    const Bytes bytes = take(sizeof(Int));
    Int value = 0;
    if (!bytes.empty()) {
      for (std::size_t i = 0; i < sizeof(Int); ++i) {
        value = static_cast<Int>((std::uint64_t{value} << 8U) | bytes[i]);
      }
    }
    return value;
  }

  Bytes rest_;
  bool ok_ = true;
};

}  // namespace sluice::protocol
