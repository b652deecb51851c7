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
  void fail();

  std::uint8_t u8();
  std::uint16_t be16();
  std::uint32_t be32();
  std::uint16_t le16();
  std::uint32_t le24();
  std::uint32_t le32();
  std::uint64_t le64();

  Bytes take(std::size_t count);
  void skip(std::size_t count) { take(count); }
  Bytes take_rest();
  // Text up to a NUL, which is consumed and not returned; fails without one.
  std::string_view cstring();
  // MySQL length-encoded integer; 0xFB (NULL) and 0xFF are failures.
  std::uint64_t lenenc();
  std::string_view lenenc_string();

 private:
  template <typename Int>
  Int little();
  template <typename Int>
  Int big();

  Bytes rest_;
  bool ok_ = true;
};

}  // namespace sluice::protocol
